"""The training loop: shuffled mini-batches, validation, early stopping.

The loop does not depend on data, files or displays: a `Problem` computes losses, and the loop calls
an `Observer`.

Equal settings give equal results, also if a run is interrupted and resumed. The order of an
epoch's examples depends only on the seed and the epoch; all other random numbers come from the
problem's generator, whose state is part of a checkpoint.
"""

import math
import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor
from mt_models.problems import Evaluation, Problem
from mt_models.problems.problem import Loss
from mt_models.training.parallel import ParallelSteps, evaluate
from mt_models.training.records import EpochRecord, Progress
from mt_nn import Optimizer, Schedule, capture, clip_grad_norm, is_finite
from mt_nn.distributed import Communicator, SingleProcess

SHOWN = 16
"""The number of validation examples of the course's line: it prints the correct ones of these."""

SINGLE = SingleProcess()
"""The communicator of training in one process."""

EXPLODED_STEP = 1000.0
"""The loss of one step that counts as exploded, as a multiple of the loss of guessing. The outputs
of such a network differ by hundreds; a smaller value ends runs that recover from a single step."""
EXPLODED_EPOCH = 5.0
"""The mean loss of an epoch that counts as exploded, as a multiple of the loss of guessing. Runs
that learn stay near 1 in their first epoch."""


class DivergedError(ArithmeticError):
    """The loss is NaN or infinite, or it has exploded."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of training.

    Attributes:
        epochs: The number of epochs.
        batch_size: The number of examples in a step; the last batch of an epoch may be smaller.
        seed: The seed of the order of the examples.
        patience: The number of epochs without a better validation accuracy after which training
            stops; None never stops early.
        clip: The largest norm of all gradients together; larger ones are scaled down to it. None
            does not clip.
    """

    epochs: int
    batch_size: int
    seed: int = 0
    patience: int | None = None
    clip: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"Settings: {name} is {getattr(self, name)}; it must be at least 1"
                )
        if self.patience is not None and self.patience < 1:
            raise ValueError(
                f"Settings: patience is {self.patience}; it must be at least 1, or None"
            )
        if self.clip is not None and not 0.0 < self.clip < math.inf:
            raise ValueError(
                f"Settings: clip is {self.clip}; it must be above 0 and finite, or None"
            )

    def steps(self, examples: int) -> int:
        """Return the number of steps of all epochs."""
        return self.epochs * math.ceil(examples / self.batch_size)

    def step(self, progress: Progress, examples: int) -> int:
        """Return the number of the next step, counted from 0 over all epochs."""
        done = len(progress.records) * math.ceil(examples / self.batch_size)
        return done + progress.examples_seen // self.batch_size


class Observer(Protocol):
    """The protocol of observers of a run. `train` calls them between steps only."""

    def on_step(self, progress: Progress) -> None:
        """Handle the end of a step."""

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Handle the end of an epoch; its record is the last of `progress.records`."""

    def should_stop(self) -> bool:
        """Return whether to stop before the next step; the run can be resumed."""


def train(
    problem: Problem,
    optimizer: Optimizer,
    settings: Settings,
    observer: Observer,
    progress: Progress | None = None,
    schedule: Schedule | None = None,
    captured: bool = True,
    communicator: Communicator = SINGLE,
) -> Progress:
    """Train for all epochs, until the patience is exhausted or the observer stops the run.

    Args:
        problem: The problem, whose network is changed in place.
        optimizer: An optimiser of the network's parameters.
        settings: The number of epochs, the batch size and the seed of the order.
        observer: The observer of steps and epochs.
        progress: The progress of an interrupted run; by default a new run starts.
        schedule: The learning rate of each step, by default the optimiser's.
        captured: True to repeat the kernels of the first steps, where the backend allows it (see
            `mt_nn.capture`); the results are equal.
        communicator: The ranks that train together, each on its part of every batch. Every rank
            calls this function with an equal problem; the observer of rank 0 saves and shows.

    Returns:
        The progress at the end.

    Raises:
        ValueError: There are no training examples.
        CommunicationError: A rank fails.
        DivergedError: The loss is NaN or infinite, or above `EXPLODED_STEP` times the loss of
            guessing, and the parameters are those before the step; or its mean over an epoch is
            above `EXPLODED_EPOCH` times the loss of guessing.
    """
    if len(problem.train) == 0:
        raise ValueError("train: there are no training examples")
    progress = Progress(metric=problem.metric) if progress is None else progress
    problem.network.train()
    training = _Training(problem, optimizer, progress, captured, settings.clip)
    if communicator.size > 1:
        training.divide(communicator, captured, observer)
    while not finished(progress, settings):
        order = problem.order(settings.seed, progress.epoch)
        while progress.examples_seen < len(order):
            if training.stops(observer):
                return progress
            chosen = order[progress.examples_seen :][: settings.batch_size]
            if schedule is not None:
                optimizer.lr = schedule(settings.step(progress, len(order)))
            training.step(chosen)
            observer.on_step(progress)
        if training.stops(observer):
            return progress
        _refuse_explosion(
            progress.loss_sum / progress.examples_seen, EXPLODED_EPOCH, problem, progress
        )
        evaluation = evaluate(problem, problem.validation, communicator)
        _finish_epoch(progress, evaluation)
        observer.on_epoch(progress, evaluation)
    return progress


def finished(progress: Progress, settings: Settings) -> bool:
    """Return whether all epochs are done or the patience is exhausted."""
    if len(progress.records) >= settings.epochs:
        return True
    best = progress.best
    if settings.patience is None or best is None:
        return False
    return len(progress.records) - best.epoch >= settings.patience


class _Training:
    """Steps of training on batches, captured where that is possible.

    Attributes:
        progress: The progress that the steps change.
        parallel: The steps on several ranks; None for one process.
    """

    def __init__(
        self,
        problem: Problem,
        optimizer: Optimizer,
        progress: Progress,
        captured: bool,
        clip: float | None,
    ) -> None:
        self.problem = problem
        self.optimizer = optimizer
        self.progress = progress
        self.clip = clip
        self.parallel: ParallelSteps | None = None
        self._train = capture(self._update) if captured and problem.is_capturable else self._update

    def divide(self, communicator: Communicator, captured: bool, observer: Observer) -> None:
        """Divide each batch among ranks."""
        self.parallel = ParallelSteps(
            self.problem,
            self.optimizer,
            communicator,
            captured=captured,
            clip=self.clip,
            check=self._check_number,
            should_stop=observer.should_stop,
        )

    def stops(self, observer: Observer) -> bool:
        """Return whether to stop; several ranks decide together, in the step before."""
        return observer.should_stop() if self.parallel is None else self.parallel.stopped

    def step(self, chosen: npt.NDArray[np.int64]) -> None:
        """Train on one batch."""
        begin, progress = time.perf_counter(), self.progress
        compute = self._one_process if self.parallel is None else self.parallel.step
        loss_sum, right = compute(chosen)
        progress.loss_sum += loss_sum
        progress.right += right
        progress.examples_seen += len(chosen)
        progress.seconds += time.perf_counter() - begin

    def _one_process(self, chosen: npt.NDArray[np.int64]) -> tuple[float, float]:
        """Train on one batch; return the sum of its losses and the number of right answers."""
        batch = self.problem.train[chosen]
        loss, output = self._train(self.problem.inputs(batch), batch.labels)
        hits = self.problem.hits(output, batch.labels)
        # An example of a text has a prediction at each of its positions.
        right = float(hits.sum() / (hits.size / len(batch)))
        return float(loss) * len(batch), right

    def _update(self, inputs: Any, labels: npt.NDArray[np.integer]) -> tuple[Loss, Any]:
        """Compute the loss and the output for a batch, and update the parameters."""
        self.optimizer.zero_grad()
        loss, output = self.problem.compute(inputs, labels)
        self._check(loss)
        loss.backward()
        if self.clip is not None:
            clip_grad_norm(self.optimizer.parameters, self.clip)
        self.optimizer.step()
        return loss, output

    def _check(self, loss: Loss) -> None:
        """Raise DivergedError, before the parameters change, unless the loss is a usual number."""
        limit = EXPLODED_STEP * guessing_loss(self.problem)
        if isinstance(loss, Tensor) and is_finite(loss, limit):
            return
        self._check_number(float(loss))

    def _check_number(self, value: float) -> None:
        """Raise DivergedError unless a loss is a usual number."""
        if not np.isfinite(value):
            raise DivergedError(
                f"train: the loss is {value} in epoch {self.progress.epoch}, after "
                f"{self.progress.examples_seen} examples; lower the learning rate (--lr)"
            )
        _refuse_explosion(value, EXPLODED_STEP, self.problem, self.progress)


def guessing_loss(problem: Problem) -> float:
    """Return the loss of a network that gives each class the same probability."""
    return math.log(max(2, len(problem.classes)))


def _refuse_explosion(loss: float, factor: float, problem: Problem, progress: Progress) -> None:
    """Raise DivergedError if a loss is above a multiple of the loss of guessing."""
    guessing = guessing_loss(problem)
    if loss > factor * guessing:
        raise DivergedError(
            f"train: the loss explodes: it is {loss:,.4g} in epoch {progress.epoch}, after "
            f"{progress.examples_seen} examples, and {guessing:.2f} of a network that guesses; "
            "lower the learning rate (--lr)"
        )


def _finish_epoch(progress: Progress, evaluation: Evaluation) -> None:
    """Append the record of an epoch and reset the running sums."""
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
    progress.right = 0.0
    progress.seconds = 0.0
