"""What a training run learns: a network, examples, and how right an answer is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from mt_autodiff import no_grad
from mt_nn import Module


class Loss(Protocol):
    """A mean loss: a `Tensor` of one element or a `Scalar`."""

    def backward(self) -> None:
        """Compute the gradient of every parameter."""

    def __float__(self) -> float: ...


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Inputs and the class of each.

    Shape:
        inputs (N, ...), labels (N,) of integers from 0.
    """

    inputs: npt.NDArray[Any]
    labels: npt.NDArray[np.integer]

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.labels):
            raise ValueError(
                f"Examples: {len(self.inputs)} inputs and {len(self.labels)} labels; "
                "there is one label for each input"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: Any) -> "Examples":
        """Return the examples that a slice or an array of numbers chooses."""
        return Examples(self.inputs[chosen], self.labels[chosen])

    def batches(self, size: int) -> Iterator["Examples"]:
        """Go through the examples in order, `size` at a time; the last batch may be short."""
        for start in range(0, len(self), size):
            yield self[start : start + size]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the network says to a batch, and how far off it is.

    Attributes:
        loss: The mean loss.
        probabilities: (N, classes).
    """

    loss: Loss
    probabilities: npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How a network does on a set of examples.

    Attributes:
        loss: The mean loss; NaN of no examples.
        probabilities: (N, classes).
        labels: (N,), the right classes.
    """

    loss: float
    probabilities: npt.NDArray[np.floating]
    labels: npt.NDArray[np.integer]

    @property
    def predictions(self) -> npt.NDArray[np.intp]:
        """The most probable class of each example, (N,)."""
        predictions: npt.NDArray[np.intp] = self.probabilities.argmax(1)
        return predictions

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each prediction is right, (N,)."""
        right: npt.NDArray[np.bool_] = self.predictions == self.labels
        return right

    @property
    def accuracy(self) -> float:
        """The share of right predictions; NaN of no examples."""
        return float(self.right.mean()) if len(self.labels) else float("nan")


class Problem(ABC):
    """A network with the examples that it learns from and is judged by.

    Attributes:
        name: What the run is called; its log is `NAME.txt`.
        classes: What the classes are called.
        network: What learns.
        rng: What drew the weights and draws the dropped units; part of every checkpoint.
        train: The examples to learn from.
        validation: The examples to judge by, after every epoch.
        test: Examples to judge by once, at the end; None where validation serves for it.
    """

    name: ClassVar[str]
    classes: ClassVar[tuple[str, ...]]
    network: Module
    rng: np.random.Generator
    train: Examples
    validation: Examples
    test: Examples | None

    @abstractmethod
    def answer(self, batch: Examples) -> Answer:
        """Put a batch through the network."""

    def evaluate(self, examples: Examples, batch_size: int = 16) -> Evaluation:
        """Judge the network, in evaluation mode and without recording gradients.

        Args:
            examples: What to judge it by.
            batch_size: Examples at a time. Batches as small as those of training need no kernels
                but the ones that training has compiled.
        """
        was_training = self.network.training
        self.network.eval()
        total = 0.0
        parts: list[npt.NDArray[np.floating]] = [np.empty((0, len(self.classes)))]
        try:
            with no_grad():
                for batch in examples.batches(batch_size):
                    answer = self.answer(batch)
                    total += float(answer.loss) * len(batch)
                    parts.append(answer.probabilities)
        finally:
            if was_training:
                self.network.train()
        loss = total / len(examples) if len(examples) else float("nan")
        return Evaluation(loss, np.concatenate(parts), examples.labels)
