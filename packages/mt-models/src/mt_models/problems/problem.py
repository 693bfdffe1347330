"""The base class of problems: a network, examples and a loss."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from mt_autodiff import no_grad
from mt_models.networks import can_be_captured, evaluating
from mt_nn import Module, capture

EVALUATION_BATCH = 16
"""The number of examples in a batch of an evaluation."""

CAPTURED_FROM = 8
"""Smallest number of batches of a captured evaluation: recording takes as long as a few batches."""

Metric = Literal["accuracy", "loss"]
"""The validation metric by which epochs are compared: a high accuracy, or a low loss."""


class Loss(Protocol):
    """A mean loss: a `Tensor` of one element or a `Scalar`."""

    def backward(self) -> None:
        """Compute the gradient of every parameter."""

    def __float__(self) -> float: ...


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Inputs and their classes.

    Shape:
        inputs (N, ...), labels (N,) of integers from 0; of texts (N, context), see `Text`.
    """

    inputs: npt.NDArray[Any]
    labels: npt.NDArray[np.integer]

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.labels):
            raise ValueError(
                f"Examples: {len(self.inputs)} inputs and {len(self.labels)} labels; "
                "pass one label for each input"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: Any) -> "Examples":
        """Return the examples at a slice or an array of indices."""
        return Examples(self.inputs[chosen], self.labels[chosen])

    def batches(self, size: int) -> Iterator["Examples"]:
        """Iterate over batches of `size` examples in order; the last batch may be smaller."""
        for start in range(0, len(self), size):
            yield self[start : start + size]


def first_examples(examples: Examples, size: int | None, kind: str) -> Examples:
    """Return the first examples of a set.

    Args:
        examples: The set.
        size: Their number; None for all.
        kind: The name of the set in errors: "train" or "validation".

    Raises:
        ValueError: There are fewer examples.
    """
    if size is not None and not 0 <= size <= len(examples):
        raise ValueError(
            f"{kind}_size (--{kind}-size) is {size:,}, and the data have {len(examples):,} "
            f"examples of that set; pass at most {len(examples)}, or leave it out to use all"
        )
    return examples[:size]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The result of a network on a batch.

    Attributes:
        loss: The mean loss.
        probabilities: The probability of each class, (N, classes).
    """

    loss: Loss
    probabilities: npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The result of a network on a set of examples.

    Attributes:
        loss: The mean loss; NaN of no examples.
        probabilities: The probability of each class, (N, classes).
        labels: The true classes, (N,).
        classes: The names of the classes; none if they are not known.
        notes: Lines about the data.
    """

    loss: float
    probabilities: npt.NDArray[np.floating]
    labels: npt.NDArray[np.integer]
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def predictions(self) -> npt.NDArray[np.intp]:
        """The most probable class of each example, (N,)."""
        predictions: npt.NDArray[np.intp] = self.probabilities.argmax(1)
        return predictions

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """True for each correct prediction, (N,)."""
        right: npt.NDArray[np.bool_] = self.predictions == self.labels
        return right

    @property
    def accuracy(self) -> float:
        """The fraction of correct predictions; NaN of no examples."""
        return float(self.right.mean()) if len(self.labels) else float("nan")


def checksum(*arrays: npt.NDArray[Any]) -> str:
    """Return a checksum of the elements, shapes and dtypes of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"checksum {digest.hexdigest()[:16]}"


def epoch_order(seed: int, epoch: int, size: int) -> npt.NDArray[np.int64]:
    """Return the order of the examples in an epoch, shape (size,)."""
    return np.random.default_rng((seed, epoch)).permutation(size)


class Problem(ABC):
    """A network with its training and validation examples.

    Attributes:
        name: The name of the problem; the log is `NAME.txt`.
        metric: The validation metric by which epochs are compared.
        classes: The names of the classes; own data have other classes than the class attribute.
        network: The network.
        rng: The generator of the weights and of dropout; its state is part of every checkpoint.
        train: The training examples.
        validation: The validation examples, evaluated after every epoch.
        test: The test examples, evaluated once after training; None if there are none.
        notes: Lines about the data, for the log.
    """

    name: ClassVar[str]
    metric: ClassVar[Metric] = "accuracy"
    classes: tuple[str, ...]
    network: Module
    rng: np.random.Generator
    train: Examples
    validation: Examples
    test: Examples | None
    notes: tuple[str, ...] = ()

    @property
    def is_capturable(self) -> bool:
        """True if a step of training can be captured, see `mt_nn.capture`."""
        return can_be_captured(self.network)

    @property
    def epoch_size(self) -> int:
        """The number of training examples of an epoch."""
        return len(self.train)

    @property
    def sizes(self) -> str:
        """The numbers of examples, for the log."""
        return f"{len(self.train):,} training and {len(self.validation):,} validation examples"

    @property
    def meta(self) -> dict[str, Any]:
        """JSON values for checkpoints, from which a predictor needs no data."""
        return {}

    def checksums(self) -> dict[str, str]:
        """Return the checksum of each set of examples, to compare the data of several processes."""
        sets = {"training": self.train, "validation": self.validation, "test": self.test}
        return {
            f"{name} examples": checksum(each.inputs, each.labels)
            for name, each in sets.items()
            if each is not None
        }

    def order(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """Return the training examples of an epoch, in their order, (epoch_size,)."""
        return epoch_order(seed, epoch, self.epoch_size)

    @abstractmethod
    def inputs(self, batch: Examples) -> Any:
        """Return the inputs of the network for a batch."""

    @abstractmethod
    def compute(self, inputs: Any, labels: npt.NDArray[np.integer]) -> tuple[Loss, Any]:
        """Run the network, and return the mean loss and the network's output."""

    @abstractmethod
    def probabilities_of(self, output: Any) -> npt.NDArray[np.floating]:
        """Return the probability of each class, (N, classes), from the network's output."""

    def hits(self, output: Any, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Return which predictions of the network's output are correct, in the labels' shape."""
        hits: npt.NDArray[np.bool_] = self.probabilities_of(output).argmax(1) == labels
        return hits

    def answer(self, batch: Examples) -> Answer:
        """Run the network on a batch."""
        loss, output = self.compute(self.inputs(batch), batch.labels)
        return Answer(loss, self.probabilities_of(output))

    def evaluate(self, examples: Examples, batch_size: int = EVALUATION_BATCH) -> Evaluation:
        """Evaluate the network, in evaluation mode and without gradients.

        Many batches are captured (see `mt_nn.capture`); the results are equal.

        Args:
            examples: The examples.
            batch_size: The number of examples in a batch. The default is that of training, so that
                no further kernels are compiled.
        """
        total = 0.0
        parts: list[npt.NDArray[np.floating]] = [np.empty((0, len(self.classes)))]
        is_long = len(examples) >= CAPTURED_FROM * batch_size
        run = capture(self.compute) if is_long and self.is_capturable else self.compute
        with evaluating(self.network), no_grad():
            for batch in examples.batches(batch_size):
                mean, output = run(self.inputs(batch), batch.labels)
                total += float(mean) * len(batch)
                # A copy: a captured step writes into the same memory again.
                parts.append(np.array(self.probabilities_of(output)))
        loss = total / len(examples) if len(examples) else float("nan")
        return Evaluation(loss, np.concatenate(parts), examples.labels, self.classes, self.notes)
