"""A run on disk: the best network, and killed runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mt_models.problems import Points
from mt_models.training import (
    BEST,
    LAST,
    Display,
    EpochRecord,
    Progress,
    Run,
    Settings,
    last_checkpoint,
)
from mt_nn import SGD, load_checkpoint, save_checkpoint
from mt_tensor import REFERENCE


def xor(n: int = 23, seed: int = 3) -> tuple[Points, SGD]:
    problem = Points("Xor", REFERENCE, n=n, hidden=4, seed=seed)
    return problem, SGD(problem.network.parameters(), lr=0.5)


def record(epoch: int, right: int) -> EpochRecord:
    return EpochRecord(epoch, 0.5, 0.5, 0.5, right, 10, min(right, 10), 10, 1.0, 10.0)


KILLED = """
import os, signal, sys
from mt_models.cli import main
import mt_models.training.run as module
module.SAVE_EVERY = 0.0
last = int(sys.argv.pop(1))
on_step = module.Run.on_step

def killed_on_step(run, progress):
    on_step(run, progress)
    if len(progress.records) == last:
        os.kill(os.getpid(), signal.SIGKILL)

module.Run.on_step = killed_on_step
main(sys.argv[1:], prog_name="train")
"""
"""A script that saves after each step, and kills the process after a number of epochs."""

NEVER = "-1"


def test_best_checkpoint_is_the_first_best_epoch(tmp_path: Path) -> None:
    problem, optimizer = xor()
    settings = Settings(4, 5)
    run = Run(tmp_path, problem, optimizer, settings, {}, ("what ran",), Display())
    evaluation = problem.evaluate(problem.validation)
    progress = Progress()
    for epoch, right in enumerate([3, 7, 7, 5], start=1):
        progress.records.append(record(epoch, right))
        run.on_epoch(progress, evaluation)
    assert load_checkpoint(tmp_path / BEST).step == 2
    assert load_checkpoint(tmp_path / LAST).step == 4


def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    options = ["--backend", "reference", "--n", "12", "--hidden", "2", "--batch-size", "3"]
    train = [sys.executable, "-c", KILLED]
    command = ["train", "points", *options, "--epochs", "6", "--out"]
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    subprocess.run([*train, NEVER, *command, whole], check=True, capture_output=True)
    killed = subprocess.run([*train, "3", *command, torn], capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert len(last_checkpoint(torn).meta["progress"]["records"]) == 3
    resumed = [*train, NEVER, "train", "points", "--resume", "--out", str(torn)]
    subprocess.run(resumed, check=True, capture_output=True)
    assert (torn / "points.txt").read_text() == (whole / "points.txt").read_text()
    mine, theirs = last_checkpoint(torn), last_checkpoint(whole)
    assert mine.meta["progress"]["records"][-1]["epoch"] == 6
    for name, array in theirs.model.items():
        np.testing.assert_array_equal(mine.model[name], array)


def test_killed_after_the_best_epoch_keeps_the_best_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run can be resumed after a kill between any two files of an epoch's end."""

    class Killed(BaseException):
        pass

    problem, optimizer = xor()
    run = Run(tmp_path, problem, optimizer, Settings(4, 5), {}, (), Display())
    run.save(Progress())
    original = save_checkpoint
    written: list[str] = []

    def once(path: Path, **contents: Any) -> None:
        if written:
            raise Killed
        written.append(path.name)
        original(path, **contents)

    monkeypatch.setattr("mt_models.training.run.save_checkpoint", once)
    with pytest.raises(Killed):
        run.on_epoch(Progress([record(1, 3)]), problem.evaluate(problem.validation))
    state = Progress.from_json(last_checkpoint(tmp_path).meta["progress"])
    assert state.best is None or load_checkpoint(tmp_path / BEST).step == state.best.epoch
