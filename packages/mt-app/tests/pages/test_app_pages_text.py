"""The page Text: a continuation step by step, wrong inputs, and training."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mt_models.cli import main

pytestmark = pytest.mark.app

testing = pytest.importorskip("streamlit.testing.v1", reason="Streamlit is not installed")

TEXT = "to be, or not to be: that is the question.\n" * 40


def _draw() -> None:
    import importlib

    importlib.import_module("mt_app.pages.text").render()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of a small network."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "own.txt").write_text(TEXT, "utf-8")
    sizes = "--layers 2 --heads 2 --width 16 --context 16 --epochs 1 --epoch-size 360 --warmup 5"
    run = ["--data", str(folder / "own.txt"), "--out", str(folder / "runs" / "text-1")]
    result = CliRunner().invoke(main, ["train", "text", *sizes.split(), "--lr", "0.01", *run])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that opens the page with the run and inputs in its address."""
    monkeypatch.chdir(folder)

    def open_it(**address: str) -> Any:
        app = testing.AppTest.from_function(_draw, default_timeout=120)
        for name, value in ({"network": "text-1", "length": "20"} | address).items():
            app.query_params[f"text.{name}"] = value
        return app.run()

    return open_it


def html_of(app: Any) -> str:
    return "\n".join(str(element.proto.body) for element in app.get("html"))


def test_a_text_is_continued_with_probabilities_and_attention(opened: Any) -> None:
    app = opened(beginning="to be", **{"step.at": "3", "layer": "2"})
    assert not app.exception
    shown = html_of(app)
    assert shown.count('class="mt-current"') == 1
    assert "mt-bar mt-winner" in shown
    assert shown.count("Head ") == 2
    assert app.slider(key="text.step.at").value == 3
    # The whole text, the text up to the step, and one line for each head.
    assert shown.count('class="mt-tokens"') == 4
    app.button(key="text.step.next").click().run()
    assert not app.exception
    assert app.slider(key="text.step.at").value == 4


def test_the_most_probable_token_wins_at_temperature_zero(opened: Any) -> None:
    app = opened(beginning="to be, or not", temperature="0.0")
    assert not app.exception
    assert "100.0%" in html_of(app)


def test_wrong_beginnings_have_a_way_out(opened: Any) -> None:
    app = opened(beginning="QED")
    assert not app.exception
    assert "knows only these" in app.error[0].value
    assert "least one character" in opened(beginning="").info[0].value
    assert "allowed are 2,000" in opened(beginning="to be" * 500).error[0].value


def test_a_training_is_started_and_stopped(
    opened: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mt_app.pages import text  # needs Streamlit

    app = opened(part="Train", data=str(folder / "own.txt"), width="32", layers="1")
    assert not app.exception
    shown = "".join(each.value for each in app.markdown)
    assert "The network of this epoch writes" in shown
    assert re.search(r"Loss \*\*1\.\d{4}\*\*, .* the best was epoch 1 with 1\.", shown)
    # The panel is drawn every second while a run is active, and the text has not changed.
    with monkeypatch.context() as patch:
        patch.delattr(text, "continue_text")
        app.run()
    assert not app.exception
    app.button(key="text.start").click().run()
    assert not app.exception
    app.button(key="stop text-2").click().run()
    assert not app.exception
    assert (folder / "runs" / "text-2" / "job.json").is_file()
