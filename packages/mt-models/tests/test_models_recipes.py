"""Recipes: the head of a log, and the number of kernels of a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mt_models.recipes import DigitsRecipe, PointsRecipe, Recipe, SentimentRecipe, TextRecipe
from mt_models.training import Settings

COUNT = """
import sys
from mt_kernels_cpu import observe_kernels
from mt_models.cli import main

events = []
with observe_kernels(lambda name, event: events.append(event)):
    main(["train", *sys.argv[1:]], standalone_mode=False)
print("kernels", len(events) - events.count("compiled"))
"""


def test_the_head_of_a_log_has_the_settings() -> None:
    recipe = PointsRecipe(backend="reference", dtype="float64", n=12, lr=0.1)
    problem = recipe.build()
    assert recipe.header(problem, Settings(3, 10, patience=2)) == (
        "points: dataset Xor, model tensor, n 12, hidden 10",
        "batch size 10, 12 training and 12 validation examples",
        "3 epochs, patience 2, sgd with learning rate 0.1 (constant), weight decay 0, seed 0",
        "backend reference, float64",
    )
    text = "\n".join(DigitsRecipe(train_size=5).header(problem, Settings(1, 10)))
    assert "None" not in text
    assert "1 epoch, sgd" in text
    assert "trainable" in SentimentRecipe(trainable=True).header(problem, Settings(1, 10))[0]
    assert "trainable" not in SentimentRecipe().header(problem, Settings(1, 10))[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "args"),
    [
        (DigitsRecipe(), ["mnist", "--train-size", "80", "--validation-size", "48"]),
        (
            DigitsRecipe(network="lenet5"),
            ["mnist", "--network", "lenet5", "--train-size", "80", "--validation-size", "48"],
        ),
        (SentimentRecipe(), ["sentiment", "--train-size", "100", "--validation-size", "48"]),
        (
            SentimentRecipe(trainable=True),
            ["sentiment", "--trainable", "--train-size", "100", "--validation-size", "48"],
        ),
        (PointsRecipe(), ["points"]),
        (TextRecipe(), ["text", "--epoch-size", "48"]),
    ],
    ids=lambda value: "" if isinstance(value, Recipe) else value[0],
)
def test_the_number_of_kernels_of_a_run(recipe: Recipe, args: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNT, *args, "--epochs", "1", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"kernels {recipe.kernels}"
