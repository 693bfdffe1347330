"""The training loop: order, stopping, resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu import Fast, Tuned
from mt_models.problems import Evaluation, Points, Problem
from mt_models.training import (
    Display,
    DivergedError,
    EpochRecord,
    Progress,
    Run,
    Settings,
    epoch_order,
    finished,
    last_checkpoint,
    train,
)
from mt_models.training.loop import EXPLODED_EPOCH, EXPLODED_STEP
from mt_nn import SGD, Adam
from mt_tensor import REFERENCE


class Witness(Display):
    """A display that records its calls, and requests a stop after a number of steps."""

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
def test_batches_cover_an_epoch(n: int, batch_size: int) -> None:
    problem, optimizer = xor(n)
    witness = Witness()
    progress = train(problem, optimizer, Settings(1, batch_size), witness)
    assert witness.seen == [min(start + batch_size, n) for start in range(0, n, batch_size)]
    assert len(progress.records) == 1
    assert progress.records[0].validation_total == n


def test_loss_is_the_mean_over_examples() -> None:
    problem, _ = xor(23)
    frozen = SGD(problem.network.parameters(), lr=1e-300)
    expected = problem.evaluate(problem.train)
    progress = train(problem, frozen, Settings(1, 10), Witness())
    assert progress.records[0].train_loss == pytest.approx(expected.loss)
    assert progress.records[0].train_accuracy == expected.accuracy


def test_training_reduces_the_loss() -> None:
    problem = Points("Simple", Fast(), n=30, hidden=6, seed=0)
    before = problem.evaluate(problem.train).loss
    optimizer = SGD(problem.network.parameters(), lr=0.2)
    progress = train(problem, optimizer, Settings(60, 10), Witness())
    assert progress.records[-1].validation_loss < 0.5 * before


def test_equal_settings_give_equal_results() -> None:
    results = []
    for _ in range(2):
        problem, optimizer = xor()
        train(problem, optimizer, Settings(3, 5, seed=1), Witness())
        results.append(weights(problem))
    for name, array in results[0].items():
        np.testing.assert_array_equal(array, results[1][name])


@pytest.mark.parametrize("stop_after", range(1, 16))
def test_a_resumed_run_equals_an_uninterrupted_one(stop_after: int, tmp_path: Path) -> None:
    settings = Settings(3, 5, seed=1)
    undisturbed, optimizer = xor()
    expected = train(undisturbed, optimizer, settings, Witness())

    problem, optimizer = xor()
    progress = train(problem, optimizer, settings, Witness(stop_after))
    assert not finished(progress, settings)
    Run(tmp_path, problem, optimizer, settings, {}, (), Display()).save(progress)

    # As in another process, the problem is built again and only the file is kept.
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
def test_settings_out_of_range(values: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**values)


def test_no_examples() -> None:
    problem, optimizer = xor()
    problem.train = problem.train[:0]
    with pytest.raises(ValueError, match="no training examples"):
        train(problem, optimizer, Settings(1, 1), Witness())


def test_a_loss_that_is_not_finite_raises_before_the_step() -> None:
    problem, optimizer = xor()
    problem.train.inputs[:] = np.nan
    before = weights(problem)
    with pytest.raises(DivergedError, match="lower the learning rate"):
        train(problem, optimizer, Settings(1, 5), Witness())
    for name, array in before.items():
        np.testing.assert_array_equal(array, problem.network.state_dict()[name])


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("limit", [EXPLODED_STEP, EXPLODED_EPOCH])
def test_a_loss_far_above_that_of_guessing_raises(limit: float, factor: float) -> None:
    """The loss is that of guessing, log 2, scaled to half and to twice a limit."""

    class Scaled(Points):
        def compute(self, inputs: Any, labels: Any) -> tuple[Any, Any]:
            loss, output = super().compute(inputs, labels)
            return loss * (factor * limit * np.log(2) / float(loss)), output

    problem = Scaled("Xor", REFERENCE, n=10, hidden=2)
    optimizer = SGD(problem.network.parameters(), lr=1e-9)
    settings = Settings(1, 5)
    # Half of the limit of a step is above the limit of an epoch.
    if factor * limit > EXPLODED_EPOCH:
        with pytest.raises(DivergedError, match=r"explodes: it is .* and 0.69 of a network that"):
            train(problem, optimizer, settings, Witness())
    else:
        train(problem, optimizer, settings, Witness())


def test_captured_training_has_the_results_of_training() -> None:
    results = []
    for captured in (True, False):
        problem = Points("Xor", Tuned(np.float64), n=40, hidden=5)
        optimizer = Adam(problem.network.parameters(), lr=0.05)
        progress = train(problem, optimizer, Settings(4, 10), Witness(), captured=captured)
        assert problem.is_capturable
        losses = [record.train_loss for record in progress.records]
        results.append((losses, problem.network.state_dict()))
    assert results[0][0] == results[1][0]
    for name, array in results[0][1].items():
        np.testing.assert_array_equal(array, results[1][1][name])
