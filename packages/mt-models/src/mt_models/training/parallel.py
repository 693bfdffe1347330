"""Training on several ranks: steps, evaluation and the comparison of the ranks' circumstances.

Every rank has the whole problem. All decisions, such as to stop, depend on numbers that all ranks
have, so that all take the same one.
"""

import hashlib
import math
import platform
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_models.problems import Evaluation, Examples, Problem
from mt_models.problems.problem import EVALUATION_BATCH, Loss
from mt_models.training.records import Progress
from mt_nn import Optimizer, capture, clip_grad_norm
from mt_nn.distributed import (
    Communicator,
    DataParallel,
    check_equal,
    gather_rows,
    part_of,
)


class ParallelSteps:
    """Steps of training on this rank's part of each batch.

    A captured step is cut at the exchange: the forward and backward pass are one recording, the
    step of the optimiser is another.

    Attributes:
        model: The network with the communicator.
        stopped: True as soon as a rank has asked to stop.
    """

    def __init__(
        self,
        problem: Problem,
        optimizer: Optimizer,
        communicator: Communicator,
        *,
        captured: bool,
        clip: float | None,
        check: Callable[[float], None],
        should_stop: Callable[[], bool],
    ) -> None:
        """Give all ranks the network of rank 0.

        Args:
            problem: The problem.
            optimizer: The optimiser of the network.
            communicator: The communicator.
            captured: True to capture both halves of a step, where the backend allows it.
            clip: The largest norm of all gradients together, or None.
            check: A function that raises an error for a loss with which training cannot go on.
            should_stop: A function that returns True if this rank asks to stop.

        Raises:
            CommunicationError: The networks of the ranks differ, or a rank fails.
        """
        self.problem = problem
        self.optimizer = optimizer
        self.model = DataParallel(problem.network, communicator)
        self.stopped = False
        self._clip = clip
        self._check = check
        self._should_stop = should_stop
        captured = captured and problem.is_capturable
        self._compute = capture(self._forward_backward) if captured else self._forward_backward
        self._update = capture(self._optimize) if captured else self._optimize

    def step(self, chosen: npt.NDArray[np.int64]) -> tuple[float, float]:
        """Train on one batch of all ranks together.

        Args:
            chosen: The indices of the batch's examples, equal on all ranks.

        Returns:
            The sum of the examples' losses and the number of correct predictions, of all ranks.
        """
        with self.model.batch(len(chosen)) as part:
            batch = self.problem.train[chosen[part.rows]]
            inputs = self.problem.inputs(batch)
            loss, output = self._compute(inputs, batch.labels, part.share)
            hits = self.problem.hits(output, batch.labels)
            # An example of a text has a prediction at each of its positions.
            right = part.count * float(hits.mean())
            sums = self.model.sum_gradients(
                (part.share * float(loss), right, float(self._should_stop()))
            )
        self._check(float(sums[0]))
        self.stopped = bool(sums[2] > 0.0)
        self._update(tuple(each.grad is not None for each in self.optimizer.parameters))
        return float(sums[0]) * len(chosen), float(sums[1])

    def _forward_backward(
        self, inputs: Any, labels: npt.NDArray[np.integer], share: float
    ) -> tuple[Loss, Any]:
        """Compute the loss and the output for this rank's examples, and its gradients."""
        self.optimizer.zero_grad()
        loss, output = self.problem.compute(inputs, labels)
        self.model.backward(loss, share)
        return loss, output

    def _optimize(self, has_gradient: tuple[bool, ...]) -> None:
        """Update the parameters by the sums of the gradients.

        Args:
            has_gradient: For each parameter, whether it has a gradient. A recording is valid for
                one such pattern.
        """
        if self._clip is not None:
            clip_grad_norm(self.optimizer.parameters, self._clip)
        self.optimizer.step()


class Follower:
    """The `Observer` of the ranks other than 0, which write nothing.

    Attributes:
        stop_requested: A function that returns True to stop the run.
    """

    def __init__(self, stop_requested: Callable[[], bool] = lambda: False) -> None:
        self.stop_requested = stop_requested

    def on_step(self, progress: Progress) -> None:
        """Do nothing; rank 0 shows and saves the step."""

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Do nothing; rank 0 shows and saves the epoch."""

    def should_stop(self) -> bool:
        """Return whether this rank asks to stop."""
        return self.stop_requested()


def evaluate(problem: Problem, examples: Examples, communicator: Communicator) -> Evaluation:
    """Evaluate the network on examples, a part of them on each rank.

    The parts consist of whole batches of the evaluation, so that each prediction is that of one
    process.

    Returns:
        The evaluation of all examples, equal on all ranks.
    """
    if communicator.size == 1 or not len(examples):
        return problem.evaluate(examples)
    size = EVALUATION_BATCH
    batches = part_of(math.ceil(len(examples) / size), communicator.rank, communicator.size)
    start = size * batches.start
    own = problem.evaluate(examples[start : start + size * batches.count], size)
    counted = len(own.labels)
    sums = np.array([own.loss * counted if counted else 0.0, counted])
    communicator.all_reduce(sums)
    arrays: dict[str, Any] = {
        each.name: np.concatenate(gather_rows(communicator, getattr(own, each.name)))
        for each in fields(own)
        if isinstance(getattr(own, each.name), np.ndarray)
    }
    return replace(own, loss=float(sums[0] / sums[1]), **arrays)


def check_circumstances(
    communicator: Communicator, problem: Problem, options: Mapping[str, Any]
) -> None:
    """Raise an error on all ranks unless they have the same data, code and options.

    Args:
        communicator: The communicator.
        problem: The problem, with its data.
        options: The options by name.

    Raises:
        CommunicationError: Something differs; the message names the rank and what differs.
    """
    facts = {
        "the version of Python": platform.python_version(),
        "the version of NumPy": np.__version__,
    }
    facts |= {f"the code of {name}": _code(name) for name in _PACKAGES}
    facts |= {f"the option {name}": repr(value) for name, value in sorted(options.items())}
    facts |= {f"the {name}": value for name, value in problem.checksums().items()}
    check_equal(
        communicator, facts, "start all ranks with the same command, code and data on each machine"
    )


_PACKAGES = ("mt_tensor", "mt_autodiff", "mt_kernels_cpu", "mt_nn", "mt_models")


def _code(package: str) -> str:
    """Return the checksum of a package's sources."""
    file = import_module(package).__file__
    assert file is not None
    folder = Path(file).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return f"checksum {digest.hexdigest()[:16]}"
