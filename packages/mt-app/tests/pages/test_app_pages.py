"""All pages in Streamlit's test runner, without a browser."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mt_app import pages
from mt_models.datasets import load_mnist_split

pytestmark = pytest.mark.app

NAMES = sorted(module.name for module in pkgutil.iter_modules(pages.__path__))


@pytest.fixture(autouse=True)
def runs_go_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def opened(name: str) -> Any:
    """The page after its first run."""
    testing = pytest.importorskip("streamlit.testing.v1", reason="Streamlit is not installed")
    app = testing.AppTest.from_function(_draw, args=(name,), default_timeout=300).run()
    assert not app.exception
    return app


def _draw(name: str) -> None:
    import importlib

    importlib.import_module(f"mt_app.pages.{name}").render()


def html_of(app: Any) -> str:
    """Return the HTML of a page."""
    return "\n".join(str(element.proto.body) for element in app.get("html"))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_draws_itself(name: str) -> None:
    assert callable(importlib.import_module(f"mt_app.pages.{name}").render)
    app = opened(name)
    assert app.title[0].value


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_picked_digit_is_read(number: int) -> None:
    app = opened("digits")
    app.button_group(key="digits.from").set_value("Pick").run()
    app.number_input(key="digits.number").set_value(number).run()
    assert not app.exception
    label = int(load_mnist_split("test")[1][number])
    assert f'data-answer="{label}"' in html_of(app)
    assert "8 × 28 × 28" in html_of(app)


def test_a_training_is_started_and_stopped() -> None:
    app = opened("digits")
    app.button_group(key="digits.part").set_value("Train").run()
    app.button(key="digits.start").click().run()
    assert not app.exception
    app.button(key="stop mnist-1").click().run()
    assert not app.exception
    assert (Path("runs") / "mnist-1" / "job.json").is_file()


def test_typed_text_is_escaped() -> None:
    app = opened("sentiment")
    app.text_area(key="sentence").set_value('<script>alert(1)</script> & "film"').run()
    assert not app.exception
    assert "<script" not in html_of(app)


@pytest.mark.parametrize("text", ["", "   ", "zzyzx", "ü" * 300, "not " * 200, "¿?"])
def test_any_sentence_has_a_prediction_or_a_hint(text: str) -> None:
    app = opened("sentiment")
    app.text_area(key="sentence").set_value(text).run()
    assert not app.exception
    assert ("data-answer" in html_of(app)) == bool(text.strip())


def test_validation_sentences_are_sorted_by_error() -> None:
    app = opened("sentiment")
    app.button_group(key="sentiment.part").set_value("Validation sentences").run()
    assert not app.exception
    errors = app.dataframe[0].value["error"].to_numpy()
    assert len(errors) == 872
    assert np.all(np.diff(errors) <= 0)


def test_a_submission_that_is_not_there_is_named() -> None:
    app = opened("grade")
    app.text_input(key="grade.folder").set_value("/no/such/folder").run()
    app.button[0].click().run()
    assert not app.exception
    assert "/no/such/folder is not a folder" in app.error[0].value
