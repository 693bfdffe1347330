"""The base class of everything that can run a case, and the protocol of a network in training."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from asv_benchmarks.training_cases import LEARNING_RATE, TrainingCase, Weights
from asv_benchmarks.workloads import Workload

Call: TypeAlias = Callable[[], object]


class Absent(Exception):  # noqa: N818  (no error: an answer)
    """This contender cannot run the case here."""


def draw(case: Workload) -> list[npt.NDArray[Any]]:
    """Draw the operands of a case, the last one transposed if the case says so."""
    arrays: list[npt.NDArray[Any]] = list(case.inputs())
    if case.options.get("transposed"):
        arrays[-1] = arrays[-1].T
    return arrays


class Contender(ABC):
    """Somebody who runs cases.

    Attributes:
        name: What it is called in tables.
    """

    name: ClassVar[str]

    @abstractmethod
    def operations(self) -> Mapping[str, Callable[[Workload], Call]]:
        """Return what prepares each operation that the contender knows."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the versions of what it runs on."""

    def set_threads(self, threads: int) -> None:  # noqa: B027  (most need not be told)
        """Compute on so many threads, where the environment has not said so (see `conditions`)."""

    def prepare(self, case: Workload) -> Call:
        """Return a function that runs a case once, to the end.

        Raises:
            Absent: The contender does not know the operation.
        """
        try:
            prepare = self.operations()[case.operation]
        except KeyError:
            raise Absent(f"{self.name} has no {case.operation}") from None
        return prepare(case)

    def trainer(self, case: TrainingCase, rate: float = LEARNING_RATE) -> "Trainer":
        """Return a network with the weights of a case, and its optimiser.

        Raises:
            Absent: The contender trains nothing.
        """
        raise Absent(f"{self.name} trains nothing")

    def train_step(self, case: Workload) -> Call:
        """Prepare a training step, always on the same batch."""
        training = TrainingCase(**case.options)
        trainer = self.trainer(training)
        batch = trainer.place(*training.inputs())
        return lambda: trainer.step(batch)


class Trainer(Protocol):
    """A network that learns batch by batch, by plain gradient descent."""

    def place(self, inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Any:
        """Return a batch as the framework wants it."""

    def step(self, batch: Any) -> Any:
        """Learn a placed batch: forward, backward, one step. Returns the loss before the step."""

    def answer(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what the network makes of inputs, without learning and without dropout."""

    def weights(self) -> Weights:
        """Return the weights, by name and in our shapes."""
