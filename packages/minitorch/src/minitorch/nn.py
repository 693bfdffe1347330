"""Pooling, maxima, softmax and dropout; see `mt_nn.functional`."""

import math
import random
from typing import TYPE_CHECKING, Any

import mt_autodiff
import mt_nn
from minitorch._function import LibraryFunction, as_integers
from minitorch._names import course_getattr
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


__all__ = [
    "Max",
    "argmax",
    "avgpool2d",
    "dropout",
    "logsoftmax",
    "max",
    "max_reduce",
    "maxpool2d",
    "softmax",
    "tile",
]

if not TYPE_CHECKING:  # A type checker would accept every name.
    __getattr__ = course_getattr(__name__)
