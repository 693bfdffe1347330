"""Pooling, maxima, softmax, dropout, GELU and a loss; see `mt_nn.functional`."""

import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np

import mt_autodiff
import mt_nn
from minitorch._function import LibraryFunction, as_integers
from minitorch._names import course_getattr
from minitorch._tensor import Tensor
from minitorch.tensor_functions import tensor
from mt_nn import argmax, avgpool2d, logsoftmax, max, maxpool2d, softmax, tile
from mt_tensor import operators


class Max(LibraryFunction):
    """``apply(x, dim)``: the maximum along a dimension; see `max`."""

    inner = mt_nn.Max

    @classmethod
    def settings(cls, dim: Any) -> Any:
        """Return the dimension."""
        return as_integers(dim)


def max_reduce(input: mt_autodiff.Tensor, dim: int) -> mt_autodiff.Tensor:
    """Return the maximum along a dimension, as a constant.

    Shape:
        (..., n, ...) → (..., 1, ...).
    """
    data = input.backend.reduce(operators.max, input.data, dim, -math.inf)
    return type(input)(data, backend=input.backend)


def dropout(input: mt_autodiff.Tensor, rate: float, ignore: bool = False) -> mt_autodiff.Tensor:
    """Set each element to zero with a probability; the others do not change.

    The draws come from Python's `random`: seed it with ``random.seed``.

    Args:
        input: The elements.
        rate: The probability, 0 to 1.
        ignore: True returns the input without dropout.

    Shape:
        (...) → (...).

    Raises:
        ValueError: The rate is not a probability.
    """
    rng = random.getrandbits(128)
    return mt_nn.dropout(input, rate, ignore=ignore, rng=rng, scale=1.0)


def GELU(input: Tensor) -> Tensor:  # noqa: N802 - the course's name
    r"""Return GELU of every element, by the approximation with tanh.

    $0.5\, x\, (1 + \tanh(\sqrt{2 / \pi}\, (x + 0.044715\, x^3)))$ (Hendrycks and Gimpel 2016,
    "Gaussian Error Linear Units", section 2).

    Shape:
        (...) → (...).
    """
    inner = (input + input * input * input * 0.044715) * math.sqrt(2.0 / math.pi)
    return input * (inner.tanh() + 1.0) * 0.5


def logsumexp(input: Tensor, dim: int) -> Tensor:
    r"""Return $\log \sum_j e^{x_j}$ along a dimension, without overflow.

    The largest element is subtracted first, and added at the end.

    Shape:
        (..., n, ...) → (..., 1, ...).
    """
    largest = max(input.detach(), dim)
    return (input - largest).exp().sum(dim).ln() + largest


def one_hot(input: Tensor, num_classes: int) -> Tensor:
    """Return a row for each class number: 1 at this number, 0 elsewhere.

    Shape:
        (...) → (..., num_classes).

    Raises:
        IndexError: A number is not a whole one from 0 to num_classes - 1.
    """
    numbers = input.to_numpy()
    if not np.isin(numbers, np.arange(num_classes)).all():
        raise IndexError(
            f"one_hot: numbers from {numbers.min():g} to {numbers.max():g}; they must be whole "
            f"numbers from 0 to {num_classes - 1}"
        )
    return tensor(np.eye(num_classes)[numbers.astype(np.int64)], input.backend)


def softmax_loss(logits: Tensor, target: Tensor) -> Tensor:
    r"""Return the cross-entropy of each row: $\log \sum_j e^{z_j} - z_y$, without a reduction.

    Args:
        logits: The scores of the classes.
        target: The numbers of the right classes.

    Shape:
        (batch, classes), (batch,) → (batch,).
    """
    batch, classes = logits.shape
    right = (logits * one_hot(target, classes)).sum(1)
    return (logsumexp(logits, 1) - right).view(batch)


__all__ = [
    "GELU",
    "Max",
    "argmax",
    "avgpool2d",
    "dropout",
    "logsoftmax",
    "logsumexp",
    "max",
    "max_reduce",
    "maxpool2d",
    "one_hot",
    "softmax",
    "softmax_loss",
    "tile",
]

if not TYPE_CHECKING:  # A type checker would accept every name.
    __getattr__ = course_getattr(__name__)
