"""Runs of commit 0270e5e: reading, prediction, drawing, resuming."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from mt_models.cli import main
from mt_models.prediction import predict
from mt_models.recipes import recipe_of
from mt_models.training import Progress, last_checkpoint

OLD = Path(__file__).parent / "data" / "commit-0270e5e"
ANSWERS: dict[str, Any] = json.loads((OLD / "answers.json").read_text("utf-8"))


def test_checksums_of_the_files() -> None:
    lines = (OLD / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {file.relative_to(OLD).as_posix(): file for file in OLD.rglob("*") if file.is_file()}
    assert sums == {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for name, file in files.items()
        if name not in ("README.md", "SHA256SUMS")
    }


def records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "points.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(("run", "epochs"), [("points", 5), ("scalar", 4)])
def test_a_resumed_run_equals_the_recorded_one(run: str, epochs: int, tmp_path: Path) -> None:
    folder = tmp_path / run
    shutil.copytree(OLD / run, folder)
    command = ["train", "points", "--resume", "--out", str(folder), "--epochs", str(epochs)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    losses = [record["train_loss"] for record in records(folder)]
    assert losses == pytest.approx(ANSWERS["resumed"][run], rel=1e-4)
    # The records of the epochs before the commit are unchanged.
    old = records(OLD / run)
    assert records(folder)[: len(old)] == old
    assert {file.name for file in folder.glob("*.png")} == {
        "curves.png",
        "confusion.png",
        "regions.png",
    }


@pytest.mark.parametrize("run", ["points", "scalar", "app"])
def test_a_checkpoint_contains_recipe_and_progress(run: str) -> None:
    checkpoint = last_checkpoint(OLD / run)
    assert recipe_of(checkpoint).problem == "points"
    progress = Progress.from_json(checkpoint.meta["progress"])
    assert [record.train_loss for record in progress.records] == [
        record["train_loss"] for record in records(OLD / run)
    ]


def test_predictions_equal_the_recorded_ones() -> None:
    answer = predict(OLD / "mnist", str(OLD / "seven.png"))
    np.testing.assert_allclose(answer.probabilities, ANSWERS["mnist"], rtol=1e-3)
