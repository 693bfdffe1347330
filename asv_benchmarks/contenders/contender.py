"""The base class of contenders, and the protocol of a network in training."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from asv_benchmarks.training_cases import LEARNING_RATE, TrainingCase, Weights
from asv_benchmarks.workloads import Workload

Call: TypeAlias = Callable[[], object]


class Absent(Exception):  # noqa: N818  (callers skip the case)
    """The contender cannot run the case on this machine; the message says why."""


def draw(case: Workload) -> list[npt.NDArray[Any]]:
    """Draw the operands of a case; its option `transposed` transposes the last one."""
    arrays: list[npt.NDArray[Any]] = list(case.inputs())
    if case.options.get("transposed"):
        arrays[-1] = arrays[-1].T
    return arrays


class Contender(ABC):
    """Base class of contenders.

    Attributes:
        name: The name in tables and on the command line.
    """

    name: ClassVar[str]

    @abstractmethod
    def operations(self) -> Mapping[str, Callable[[Workload], Call]]:
        """Return, for each supported operation, the function that prepares a case."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the versions of the libraries that it uses."""

    def set_threads(self, threads: int) -> None:  # noqa: B027  (most read the environment)
        """Set the number of threads of a framework that does not read it from the environment."""

    def prepare(self, case: Workload) -> Call:
        """Return a function that runs a case once and waits for the result.

        Raises:
            Absent: The contender lacks the operation.
        """
        try:
            prepare = self.operations()[case.operation]
        except KeyError:
            raise Absent(f"{self.name} has no {case.operation}") from None
        return prepare(case)

    def trainer(self, case: TrainingCase, rate: float = LEARNING_RATE) -> "Trainer":
        """Return a trainer whose network has the weights of a case.

        Raises:
            Absent: The contender cannot train networks.
        """
        raise Absent(f"{self.name} cannot train networks")

    def train_step(self, case: Workload) -> Call:
        """Return a function that trains one step, each time on the same batch."""
        training = TrainingCase(**case.options)
        trainer = self.trainer(training)
        batch = trainer.place(*training.inputs())
        return lambda: trainer.step(batch)


class Trainer(Protocol):
    """A network that is trained batch by batch; `TrainingCase` names the optimiser."""

    def place(self, inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Any:
        """Convert a batch to the arrays of the framework."""

    def step(self, batch: Any) -> Any:
        """Train one step on a converted batch and return the loss before the step."""

    def predict(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the output of the network for inputs, with dropout off."""

    def weights(self) -> Weights:
        """Return the weights by name, in the shapes of `training_cases.SHAPES`."""
