"""The command line with pictures and texts of users."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mt_models.cli import main
from mt_models.datasets import load_mnist_split
from mt_models.recipes import DigitsRecipe
from mt_nn import load_checkpoint

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(main, args, prog_name="mt_models")

    return invoke


def write_pictures(folder: str, count: int) -> None:
    images, labels = load_mnist_split("test")
    for digit, name in ((0, "ring"), (1, "bar")):
        Path(folder, name).mkdir(parents=True)
        for number in np.flatnonzero(labels == digit)[:count].tolist():
            Image.fromarray(images[number]).save(Path(folder, name, f"{number}.png"))


def test_own_pictures_from_training_to_evaluation(run: Run) -> None:
    write_pictures("pictures", 15)
    write_pictures("other", 3)
    result = run(
        *("train", "mnist", "--data", "pictures", "--lr", "0.3"),
        *("--epochs", "2", "--batch-size", "20", "--out", "run"),
    )
    assert result.exit_code == 0, result.output
    assert "24 training and 6 validation examples" in result.output
    assert "classes: bar, ring" in result.output
    assert load_checkpoint("run/best.safetensors").meta["classes"] == ["bar", "ring"]

    text = run("evaluate", "run", "other")
    assert text.exit_code == 0, text.output
    result = run("evaluate", "run", "other", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["classes"] == ["bar", "ring"]
    assert found["examples"] == 6
    assert [sum(row) for row in found["confusion"]] == [3, 3]
    assert found["right"] == sum(found["confusion"][i][i] for i in range(2))
    assert found["accuracy"] == found["right"] / 6
    assert f"accuracy {found['accuracy']:.2%}: {found['right']} of 6 right" in text.output

    result = run("predict", "run", str(next(Path("other/ring").iterdir())))
    assert result.output.split()[0] in ("bar", "ring")

    # A resumed run reads the pictures again, and has the same validation set.
    result = run("train", "mnist", "--resume", "--out", "run", "--epochs", "3")
    assert result.exit_code == 0, result.output
    write_pictures("pictures/ring/more", 1)
    result = run("train", "mnist", "--resume", "--out", "run", "--epochs", "4")
    assert result.exit_code == 1
    assert "more is a folder inside of the class 'ring'" in result.output


def test_all_pictures_of_a_folder_are_used_unless_a_number_is_given(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MNIST has a default of 5,000."""
    sizes: list[tuple[str | None, int | None]] = []

    def build(recipe: DigitsRecipe) -> None:
        sizes.append((recipe.data and Path(recipe.data).name, recipe.train_size))
        raise ValueError("enough")

    monkeypatch.setattr(DigitsRecipe, "build", build)
    Path("a").mkdir()
    for args in ([], ["--data", "a"], ["--data", "a", "--train-size", "3"]):
        run("train", "mnist", *args)
    assert sizes == [(None, 5000), ("a", None), ("a", 3)]


def test_own_texts_from_training_to_evaluation(run: Run) -> None:
    head = "id;Phrase;Tone\n"
    tones = {"calm": "a quiet evening by the sea", "loud": "the band plays much too loud"}
    lines = [f"{i};{tones[name]};{name}\n" for i in range(10) for name in tones]
    Path("texts.csv").write_text(head + "".join(lines), encoding="utf-8-sig")
    columns = ("--text-column", "Phrase", "--label-column", "Tone")
    result = run("train", "sentiment", "--data", "texts.csv")
    assert result.exit_code == 1
    assert "choose the column of texts with the option --text-column" in result.output
    result = run(
        *("train", "sentiment", "--data", "texts.csv", *columns),
        *("--epochs", "2", "--batch-size", "10", "--out", "run"),
    )
    assert result.exit_code == 0, result.output
    assert "classes: calm, loud" in result.output
    result = run("evaluate", "run", "texts.csv")
    assert result.exit_code == 0, result.output
    assert "of 20 right" in result.output
    assert "trained on a part of these data" in result.output
    result = run("predict", "run", "It isn´t loud")
    assert result.output.split()[0] in ("calm", "loud")
    assert "unknown" not in result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "mnist", "--data", "digits.csv"], "digits.csv is a file; allowed: a folder"),
        (["train", "mnist", "--data", "nowhere"], "nowhere"),
        (["train", "sentiment", "--data", "empty"], "a CSV file, and a folder with train.csv"),
        (["train", "sentiment", "--text-column", "x"], "is for CSV files; leave it out"),
        (["train", "sentiment", "--hub", "x", "--label-column", "y"], "exclude each other"),
        (["train", "sentiment", "--data", "digits.csv"], "'pixel1' have one of the names text"),
        (["evaluate", "empty", "digits.csv"], "contains no checkpoint; train first"),
        (["evaluate", "digits.csv", "empty"], "digits.csv"),
        (["evaluate", "empty"], "DATA"),
    ],
)
def test_errors_name_the_argument_and_leave_no_run(run: Run, args: list[str], message: str) -> None:
    Path("empty").mkdir()
    Path("digits.csv").write_text("pixel0,pixel1\n0,1\n")
    result = run(*args)
    assert result.exit_code in (1, 2)
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert not Path("runs").exists()
