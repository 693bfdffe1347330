"""The training loop: shuffled mini-batches, validation, early stop.

It knows nothing of digits or sentences, of files or of screens: a `Problem` answers batches, an
`Observer` is told what happens.

The same settings give the same result, interrupted or not. The order of an epoch's examples
depends on the seed and the epoch alone; everything else that is random comes from the problem's
generator, which a checkpoint holds.
"""

import math
import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mt_models.problems import Evaluation, Problem
from mt_models.training.records import EpochRecord, Progress
from mt_nn import Optimizer, Schedule

SHOWN = 16
"""The course prints how many of so many validation examples are right."""


class DivergedError(ArithmeticError):
    """The loss is no longer a number."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        epochs: How many times to go through the examples.
        batch_size: Examples for each step; the last batch of an epoch may be short.
        seed: Of the order of the examples.
        patience: Stop when the validation accuracy has not risen for so many epochs; None never
            stops early.
    """

    epochs: int
    batch_size: int
    seed: int = 0
    patience: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"Settings: {name} is {getattr(self, name)}; at least 1")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"Settings: patience is {self.patience}; at least 1, or None")

    def steps(self, examples: int) -> int:
        """Return how many steps all epochs take."""
        return self.epochs * math.ceil(examples / self.batch_size)

    def step(self, progress: Progress, examples: int) -> int:
        """Return the number of the next step, counted from 0 over all epochs."""
        done = len(progress.records) * math.ceil(examples / self.batch_size)
        return done + progress.examples_seen // self.batch_size


class Observer(Protocol):
    """Who is told about a run. `train` calls nothing in the middle of a step."""

    def on_step(self, progress: Progress) -> None:
        """A batch was learnt."""

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """An epoch was finished; its record is the last of `progress.records`."""

    def should_stop(self) -> bool:
        """Return whether to stop here, in a state that can be resumed."""


def train(
    problem: Problem,
    optimizer: Optimizer,
    settings: Settings,
    observer: Observer,
    progress: Progress | None = None,
    schedule: Schedule | None = None,
) -> Progress:
    """Train until all epochs are done, the patience is at its end, or the observer says stop.

    Args:
        problem: What to learn; its network is changed in place.
        optimizer: How to step; it holds the network's parameters.
        settings: How long, and in which order.
        observer: Who is told.
        progress: Where an interrupted run stands; a new run unless given.
        schedule: The learning rate of each step; the optimiser's own unless given.

    Returns:
        Where the run stands at its end.

    Raises:
        ValueError: There are no examples to learn from.
        DivergedError: The loss is NaN or infinite; the parameters are those before the step.
    """
    if len(problem.train) == 0:
        raise ValueError("train: there are no training examples")
    progress = Progress() if progress is None else progress
    problem.network.train()
    while not finished(progress, settings):
        order = epoch_order(settings.seed, progress.epoch, len(problem.train))
        while progress.examples_seen < len(order):
            if observer.should_stop():
                return progress
            chosen = order[progress.examples_seen :][: settings.batch_size]
            if schedule is not None:
                optimizer.lr = schedule(settings.step(progress, len(order)))
            _step(problem, optimizer, progress, chosen)
            observer.on_step(progress)
        if observer.should_stop():
            return progress
        evaluation = problem.evaluate(problem.validation)
        _finish_epoch(progress, evaluation)
        observer.on_epoch(progress, evaluation)
    return progress


def finished(progress: Progress, settings: Settings) -> bool:
    """Return whether there is nothing left to learn."""
    if len(progress.records) >= settings.epochs:
        return True
    best = progress.best
    if settings.patience is None or best is None:
        return False
    return len(progress.records) - best.epoch >= settings.patience


def epoch_order(seed: int, epoch: int, size: int) -> npt.NDArray[np.int64]:
    """Return the order in which an epoch goes through the examples."""
    return np.random.default_rng((seed, epoch)).permutation(size)


def _step(
    problem: Problem,
    optimizer: Optimizer,
    progress: Progress,
    chosen: npt.NDArray[np.int64],
) -> None:
    """Learn one batch."""
    begin = time.perf_counter()
    batch = problem.train[chosen]
    answer = problem.answer(batch)
    loss = float(answer.loss)
    if not np.isfinite(loss):
        raise DivergedError(
            f"the loss is {loss} in epoch {progress.epoch}, after "
            f"{progress.examples_seen} examples; lower the learning rate"
        )
    answer.loss.backward()
    optimizer.step()
    progress.loss_sum += loss * len(batch)
    progress.right += int((answer.probabilities.argmax(1) == batch.labels).sum())
    progress.examples_seen += len(batch)
    progress.seconds += time.perf_counter() - begin


def _finish_epoch(progress: Progress, evaluation: Evaluation) -> None:
    """Turn the running sums into a record."""
    seen = progress.examples_seen
    right = evaluation.right
    progress.records.append(
        EpochRecord(
            epoch=progress.epoch,
            train_loss=progress.loss_sum / seen,
            train_accuracy=progress.right / seen,
            validation_loss=evaluation.loss,
            validation_right=int(right.sum()),
            validation_total=len(right),
            first_right=int(right[:SHOWN].sum()),
            first_total=len(right[:SHOWN]),
            seconds=progress.seconds,
            examples_per_second=seen / progress.seconds,
        )
    )
    progress.examples_seen = 0
    progress.loss_sum = 0.0
    progress.right = 0
    progress.seconds = 0.0
