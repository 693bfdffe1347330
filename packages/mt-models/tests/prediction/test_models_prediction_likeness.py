"""Pictures that do not look like one digit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from mt_models.cli import main
from mt_models.datasets import load_mnist_split, normalize_digit
from mt_models.prediction import unlike_digit
from tools import unlike_digits

ROOT = Path(__file__).parents[4]

PRETRAINED = ROOT / "packages" / "mt-app" / "src" / "mt_app" / "pretrained"


def test_almost_all_digits_are_accepted() -> None:
    """The guide has the share of all 10,000."""
    images = load_mnist_split("test")[0][:500]
    refused = sum(bool(unlike_digit(normalize_digit(image))) for image in images)
    assert refused <= 5
    share, number = unlike_digits.share(unlike_digits.letters(unlike_digits.DIGITS))
    assert (share, number) == (0.0, 50)


@pytest.mark.parametrize(
    ("pictures", "least"),
    [
        (lambda: unlike_digits.pairs(np.random.default_rng(1)), 0.95),
        (lambda: unlike_digits.dots(np.random.default_rng(1)), 0.99),
        (lambda: unlike_digits.specks(np.random.default_rng(1)), 0.99),
        (lambda: unlike_digits.letters(unlike_digits.GREEK, ("DejaVuSans",)), 0.5),
        (lambda: unlike_digits.letters(unlike_digits.CYRILLIC, ("DejaVuSans",)), 0.75),
        (lambda: unlike_digits.letters(unlike_digits.LATIN, ("DejaVuSans",)), 0.7),
    ],
)
def test_most_other_pictures_are_recognised(
    pictures: Callable[[], Iterator[unlike_digits.Picture]],
    least: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unlike_digits, "COUNT", 60)
    assert unlike_digits.share(pictures())[0] >= least


def test_the_command_gives_no_answer_for_two_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images, _ = load_mnist_split("test")
    Image.fromarray(np.hstack([images[0], images[2]])).save("two.png")
    Image.fromarray(images[0]).save("one.png")
    network = str(PRETRAINED / "digits.safetensors")
    result = CliRunner().invoke(main, ["predict", network, "two.png"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("no answer\n")
    assert "does not look like one digit: it shows two or more separate shapes" in " ".join(
        result.output.split()
    )
    result = CliRunner().invoke(main, ["predict", network, ".", "--top", "3", "--json"])
    one, two = map(json.loads, result.stdout.splitlines())
    assert (one["input"], one["answer"], one["doubt"]) == ("one.png", "7", None)
    assert len(one["probabilities"]) == 3
    assert next(iter(one["probabilities"])) == "7"
    assert two["answer"] is None
    result = CliRunner().invoke(main, ["predict", network, "one.png", "missing.png", "two.png"])
    assert result.exit_code == 1
    assert result.stdout.count("probability") == 2
    assert "missing.png does not exist" in result.stderr
    result = CliRunner().invoke(main, ["predict", network, "-"], input="one.png\none.png\n")
    assert [line for line in result.stdout.splitlines() if line.endswith(": 7")] == [
        "one.png: 7"
    ] * 2
    result = CliRunner().invoke(main, ["predict", network, "one.png", "--top", "11"])
    assert result.exit_code == 2
    assert "--top is 11, and the network has 10 classes" in result.output


def test_the_sentence_in_the_help_is_answered_right() -> None:
    """The shipped network calls the sentence positive."""
    text = CliRunner().invoke(main, ["predict", "--help"], prog_name="minitorch").output
    sentences = re.findall(r'predict runs/sentiment-1 "(.*)"', text)
    assert len(sentences) == 1
    network = str(PRETRAINED / "sentiment.safetensors")
    result = CliRunner().invoke(main, ["predict", network, *sentences, "--json"])
    assert json.loads(result.stdout)["answer"] == "positive"
