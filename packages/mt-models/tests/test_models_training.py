"""The loop: what it visits, when it stops, and that an interruption changes nothing."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu import Fast
from mt_models.problems import Answer, Evaluation, Examples, Points, Problem
from mt_models.training import (
    BEST,
    LAST,
    Display,
    DivergedError,
    EpochRecord,
    Progress,
    Run,
    Settings,
    StopOnSignal,
    epoch_order,
    finished,
    last_checkpoint,
    lines,
    train,
    write_logs,
)
from mt_nn import SGD, load_checkpoint, save_checkpoint
from mt_tensor import REFERENCE


class Witness(Display):
    """Remembers what it is told, and asks to stop after so many steps."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.seen: list[int] = []
        self.epochs: list[EpochRecord] = []
        self.evaluations: list[Evaluation] = []
        self.stop_after = stop_after

    def on_step(self, progress: Progress) -> None:
        self.seen.append(progress.examples_seen)

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        self.epochs.append(progress.records[-1])
        self.evaluations.append(evaluation)

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.seen) >= self.stop_after


def xor(n: int = 23, seed: int = 3) -> tuple[Points, SGD]:
    problem = Points("Xor", REFERENCE, n=n, hidden=4, seed=seed)
    return problem, SGD(problem.network.parameters(), lr=0.5)


def weights(problem: Problem) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in problem.network.state_dict().items()}


def record(epoch: int, right: int) -> EpochRecord:
    return EpochRecord(epoch, 0.5, 0.5, 0.5, right, 10, min(right, 10), 10, 1.0, 10.0)


@given(st.integers(0, 2**31), st.integers(1, 50), st.integers(0, 200))
def test_every_epoch_visits_each_example_once(seed: int, epoch: int, size: int) -> None:
    assert sorted(epoch_order(seed, epoch, size)) == list(range(size))


def test_epochs_and_seeds_differ_in_order() -> None:
    orders = [tuple(epoch_order(s, e, 50)) for s in (0, 1) for e in (1, 2)]
    assert len(set(orders)) == 4


@given(n=st.integers(1, 30), batch_size=st.integers(1, 40))
def test_batches_cover_an_epoch_and_the_last_may_be_short(n: int, batch_size: int) -> None:
    problem, optimizer = xor(n)
    witness = Witness()
    progress = train(problem, optimizer, Settings(1, batch_size), witness)
    assert witness.seen == [min(start + batch_size, n) for start in range(0, n, batch_size)]
    assert len(progress.records) == 1
    assert progress.records[0].validation_total == n


def test_loss_is_the_mean_over_examples_not_over_batches() -> None:
    problem, _ = xor(23)
    frozen = SGD(problem.network.parameters(), lr=1e-300)
    expected = problem.evaluate(problem.train)
    progress = train(problem, frozen, Settings(1, 10), Witness())
    assert progress.records[0].train_loss == pytest.approx(expected.loss)
    assert progress.records[0].train_accuracy == expected.accuracy


def test_training_learns() -> None:
    problem = Points("Simple", Fast(), n=30, hidden=6, seed=0)
    before = problem.evaluate(problem.train).loss
    optimizer = SGD(problem.network.parameters(), lr=0.2)
    progress = train(problem, optimizer, Settings(60, 10), Witness())
    assert progress.records[-1].validation_loss < 0.5 * before


def test_same_settings_same_result() -> None:
    results = []
    for _ in range(2):
        problem, optimizer = xor()
        train(problem, optimizer, Settings(3, 5, seed=1), Witness())
        results.append(weights(problem))
    for name, array in results[0].items():
        np.testing.assert_array_equal(array, results[1][name])


@pytest.mark.parametrize("stop_after", range(1, 16))
def test_stopped_and_resumed_equals_undisturbed(stop_after: int, tmp_path: Path) -> None:
    settings = Settings(3, 5, seed=1)
    undisturbed, optimizer = xor()
    expected = train(undisturbed, optimizer, settings, Witness())

    problem, optimizer = xor()
    progress = train(problem, optimizer, settings, Witness(stop_after))
    assert not finished(progress, settings)
    Run(tmp_path, problem, optimizer, settings, {}, (), Display()).save(progress)

    # Another process would build the problem anew: nothing but the file carries over.
    problem, optimizer = xor(seed=99)
    problem.train = problem.validation = undisturbed.train
    run = Run(tmp_path, problem, optimizer, settings, {}, (), Display())
    progress = run.resume(last_checkpoint(tmp_path))
    received = train(problem, optimizer, settings, run, progress)

    for name, array in weights(undisturbed).items():
        np.testing.assert_array_equal(array, problem.network.state_dict()[name])
    for mine, theirs in zip(received.records, expected.records, strict=True):
        assert mine.train_loss == theirs.train_loss
        assert mine.validation_right == theirs.validation_right


def test_patience_stops_at_the_best_epoch_plus_patience() -> None:
    settings = Settings(100, 5, patience=2)
    rising = Progress(records=[record(1, 4), record(2, 6), record(3, 6)])
    assert not finished(rising, settings)
    assert rising.best == rising.records[1]
    rising.records.append(record(4, 5))
    assert finished(rising, settings)
    assert finished(Progress(records=[record(i, i) for i in range(100)]), settings)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0, "batch_size": 1}, "epochs"),
        ({"epochs": 1, "batch_size": 0}, "batch_size"),
        ({"epochs": 1, "batch_size": 1, "patience": 0}, "patience"),
    ],
)
def test_settings_are_checked(values: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**values)


def test_no_examples_is_an_error() -> None:
    problem, optimizer = xor()
    problem.train = problem.train[:0]
    with pytest.raises(ValueError, match="no training examples"):
        train(problem, optimizer, Settings(1, 1), Witness())


def test_a_loss_that_is_no_number_stops_before_the_step() -> None:
    problem, optimizer = xor()
    problem.train.inputs[:] = np.nan
    before = weights(problem)
    with pytest.raises(DivergedError, match="lower the learning rate"):
        train(problem, optimizer, Settings(1, 5), Witness())
    for name, array in before.items():
        np.testing.assert_array_equal(array, problem.network.state_dict()[name])


def test_examples_must_match() -> None:
    with pytest.raises(ValueError, match="3 inputs and 2 labels"):
        Examples(np.zeros(3), np.zeros(2, int))


def test_evaluating_nothing_gives_nan() -> None:
    problem, _ = xor()
    evaluation = problem.evaluate(problem.train[:0])
    assert np.isnan(evaluation.loss)
    assert np.isnan(evaluation.accuracy)
    assert evaluation.probabilities.shape == (0, 2)


@given(st.integers(1, 40))
def test_evaluation_does_not_depend_on_the_batch_size(batch_size: int) -> None:
    problem, _ = xor()
    whole = problem.evaluate(problem.train, 1000)
    parts = problem.evaluate(problem.train, batch_size)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, rtol=1e-12)
    assert parts.loss == pytest.approx(whole.loss)


def test_evaluation_leaves_the_mode_as_it_was() -> None:
    class Fails(Points):
        def answer(self, batch: Examples) -> Answer:
            raise RuntimeError("no answer")

    problem = Fails("Xor", REFERENCE, n=4)
    problem.network.train()
    with pytest.raises(RuntimeError):
        problem.evaluate(problem.train)
    assert problem.network.training
    good, _ = xor()
    good.network.eval()
    good.evaluate(good.train)
    assert not good.network.training


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


def test_progress_survives_json() -> None:
    progress = Progress([record(1, 3)], 7, 1.25, 4, 0.5)
    assert Progress.from_json(json.loads(json.dumps(progress.to_json()))) == progress


def test_logs_say_what_the_course_asks_for(tmp_path: Path) -> None:
    records = [
        EpochRecord(1, 0.61, 0.5, 0.4, 9321, 10000, 15, 16, 1.0, 100.0),
        EpochRecord(2, 0.31, 0.9, 0.3, 9200, 10000, 16, 16, 1.0, 100.0),
    ]
    assert lines("mnist", records)[0] == (
        "Epoch 1 loss 0.6100 valid acc 15/16 (9321/10000 = 93.21%)"
    )
    assert lines("sentiment", records)[1] == (
        "Epoch 2, loss 0.3100, train accuracy: 90.00%, validation accuracy: 92.00%, "
        "best so far: 93.21%"
    )
    write_logs(tmp_path, "mnist", ["what ran"], records)
    text = (tmp_path / "mnist.txt").read_text().splitlines()
    assert text[0] == "# what ran"
    assert text[1:] == lines("mnist", records)
    objects = [json.loads(line) for line in (tmp_path / "mnist.jsonl").read_text().splitlines()]
    assert [EpochRecord(**o) for o in objects] == records


def test_the_first_signal_sets_a_mark_and_the_second_takes_effect() -> None:
    with pytest.raises(KeyboardInterrupt), StopOnSignal() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


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
"""Train and save after each step; kill the process in the epoch that follows a number of them."""

NEVER = "-1"


def test_killed_and_resumed_equals_undisturbed(tmp_path: Path) -> None:
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


def test_a_full_disk_leaves_the_old_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_logs(tmp_path, "points", ["what ran"], [record(1, 3)])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def half(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text.encode(encoding)[: len(text) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match=r"No space left on device.*points\.txt"):
        write_logs(tmp_path, "points", ["what ran"], [record(1, 3), record(2, 4)])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_killed_after_the_best_epoch_keeps_the_best_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file of an epoch's end is written last, the run can be taken up."""

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
