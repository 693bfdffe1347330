"""All pages in Streamlit's test runner, without a browser."""

import importlib
import json
import pkgutil
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from mt_app import pages
from mt_app.insight.networks import PRETRAINED
from mt_app.jobs.speed import Conditions, Timing
from mt_models.cli import main
from mt_models.datasets import load_mnist_split

pytestmark = pytest.mark.app

NAMES = sorted(module.name for module in pkgutil.iter_modules(pages.__path__))


@pytest.fixture(autouse=True)
def runs_go_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def opened(name: str, **address: str) -> Any:
    """The page after its first run, with these parameters in its address."""
    testing = pytest.importorskip("streamlit.testing.v1", reason="Streamlit is not installed")
    app = testing.AppTest.from_function(_draw, args=(name,), default_timeout=300)
    for parameter, value in address.items():
        app.query_params[parameter] = value
    app.run()
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


def test_the_speed_of_another_machine_is_shown_until_this_one_is_measured() -> None:
    app = opened("speed")
    assert "is not measured yet" in app.info[0].value
    assert html_of(app).count('class="mt-bar mt-winner"') == 15
    assert re.match(r"Measured on 20\d\d-\d\d-\d\d: \d+ × ", app.caption[-1].value)
    folder = Path("runs/app/speed")
    folder.mkdir(parents=True)
    timing = Timing("matrix product", "48 × 48 and 48 × 48", "fast", "float64", 0.25)
    (folder / "speed.jsonl").write_text(json.dumps(asdict(timing)) + "\n", "utf-8")
    conditions = Conditions("one processor", "2026-12-01")
    (folder / "conditions.json").write_text(json.dumps(asdict(conditions)), "utf-8")
    app.run()
    assert not app.info
    assert html_of(app).count('class="mt-bar mt-winner"') == 1
    assert app.caption[-1].value.startswith("Measured on 2026-12-01: one processor. ")


def test_an_example_of_a_report_is_shown_before_the_first_one() -> None:
    app = opened("grade")
    assert app.header[0].value == "Example of a report"
    assert "the derivative of 1 / x has the wrong sign" in app.caption[0].value
    from mt_app.pages.grade import EXAMPLE  # needs Streamlit

    assert "The derivative of 1 / x has the wrong sign." in EXAMPLE.read_text("utf-8")


@pytest.mark.parametrize(
    ("page", "problem", "accuracy"),
    [
        ("digits", "mnist", "98.91%"),
        ("sentiment", "sentiment", "78.44%"),
        ("text", "text", "1.8951"),
        ("points", "points", "100.00%"),
    ],
)
def test_curves_of_the_pretrained_network_are_shown_before_the_first_run(
    page: str, problem: str, accuracy: str
) -> None:
    # The page Points is one script with three tabs; all of them are drawn.
    app = opened(page, **({} if page == "points" else {f"{page}.part": "Train"}))
    assert app.selectbox(key=f"{problem}.run").value == "pretrained"
    assert len(app.get("vega_lite_chart")) == 2
    assert any(accuracy in text.value for text in app.markdown)
    assert any("comes with the app" in each.value for each in app.caption)
    assert not app.info and not app.warning


def test_regions_of_the_pretrained_network_are_shown_before_the_first_run() -> None:
    app = opened("points")
    assert any(each.value.startswith("After **94** epochs") for each in app.caption)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_picked_digit_is_read(number: int) -> None:
    app = opened("digits")
    app.button_group(key="digits.from").set_value("Pick").run()
    app.number_input(key="digits.number").set_value(number).run()
    assert not app.exception
    label = int(load_mnist_split("test")[1][number])
    assert f'data-answer="{label}"' in html_of(app)
    assert "25,152 trained parameters" in html_of(app)
    app.toggle(key="digits.flip").set_value(True).run()
    assert not app.exception
    assert "the changed digit, read as" in html_of(app)


def test_a_drawing_that_is_no_digit_is_named() -> None:
    # A cross: two strokes.
    app = opened("digits", drawing="1y1o5u64.5u1o1y64")
    (warning,) = app.warning
    assert "This does not look like one digit" in warning.value
    assert "data-answer" in html_of(app)
    app = opened("digits")
    assert not app.warning


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
    known = text.startswith("not") or text == "¿?"
    assert ("data-answer" in html_of(app)) == known
    assert bool(app.warning or app.info) or known


def test_a_text_that_is_too_long_is_refused_and_kept() -> None:
    text = "good " * 1001
    app = opened("sentiment", sentence=text)
    assert "5,005 characters; allowed are 5,000" in app.error[0].value
    assert app.text_area(key="sentence").value == text


def test_the_address_selects_page_part_network_and_inputs(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "mnist-1"
    run.mkdir(parents=True)
    shutil.copy(PRETRAINED / "digits.safetensors", run / "best.safetensors")
    shutil.copy(PRETRAINED / "digits.safetensors", run / "last.safetensors")
    address = {"digits.from": "Pick", "digits.number": "5", "digits.network": "mnist-1"}
    app = opened("digits", **address)
    assert app.selectbox(key="digits.network").value == "mnist-1"
    assert f'data-answer="{load_mnist_split("test")[1][5]}"' in html_of(app)
    app = opened("digits", drawing="")
    assert "mt-waiting" in html_of(app)
    app = opened("digits", drawing="no strokes")
    assert "contains no drawing" in app.warning[0].value
    app = opened("sentiment", sentence="a dull film")
    assert 'data-answer="negative"' in html_of(app)


def test_a_file_that_is_no_picture_gets_one_sentence() -> None:
    app = opened("digits", **{"digits.from": "Upload"})
    app.file_uploader[0].upload("notes.png", b"no picture", "image/png").run()
    assert not app.exception
    (warning,) = app.warning
    assert warning.value == "notes.png: the file is not a readable image; use PNG or JPEG."


def test_a_run_of_the_command_line_is_shown_and_compared() -> None:
    for number, rate in enumerate(("0.1", "0.2"), start=1):
        command = (
            "train mnist --train-size 64 --validation-size 32 --epochs 1 "
            f"--lr {rate} --out runs/own-{number}"
        )
        assert CliRunner().invoke(main, command.split()).exit_code == 0
    app = opened("digits", **{"digits.part": "Train", "mnist.other": "own-1"})
    assert app.selectbox(key="mnist.run").value == "own-2"
    assert app.selectbox(key="mnist.other").value == "own-1"
    table = app.table[0].value
    assert table["own-2"][table["option"].tolist().index("lr")] == "0.2"
    assert len(app.get("image")) == 2  # The pictures of the command: confusion matrix, errors.
    assert any("validation examples right" in text.value for text in app.markdown)


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


def test_a_run_on_own_pictures_is_used(tmp_path: Path) -> None:
    images, labels = load_mnist_split("test")
    for name, digit in (("one", 1), ("zero", 0)):
        folder = tmp_path / "own" / name
        folder.mkdir(parents=True)
        for number, image in enumerate(images[labels == digit][:30]):
            Image.fromarray(image).save(folder / f"{number}.png")
    command = "train mnist --data own --epochs 8 --out runs/own"
    assert CliRunner().invoke(main, command.split()).exit_code == 0
    app = opened("digits", **{"digits.network": "own", "drawing": "2a1y2a7h"})
    assert 'data-answer="one"' in html_of(app)
    app = opened("digits", **{"digits.part": "Train", "digits.data": str(tmp_path / "own")})
    assert not app.button(key="digits.start").disabled
    assert app.select_slider(key="digits.images").disabled


def test_data_that_are_not_there_are_named() -> None:
    app = opened("digits", **{"digits.part": "Train", "digits.data": "/no/such/folder"})
    assert "/no/such/folder does not exist" in app.error[0].value
    assert app.button(key="digits.start").disabled
