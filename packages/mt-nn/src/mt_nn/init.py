"""Initialisers: functions that create the initial values of parameters.

An initialiser is called with a shape, a random generator and a backend, and returns a constant
(`Parameter` makes a leaf of it). Layers have an argument ``init``; bind further arguments with
`functools.partial`::

    Linear(2, 3, init=partial(uniform, low=-1.0, high=1.0))

Numbers are drawn in float64 and then converted, so that one seed gives the same network on every
backend up to rounding.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mt_autodiff import Seed, Tensor, from_numpy
from mt_autodiff import zeros as zeros_tensor
from mt_tensor import REFERENCE, Backend, ShapeError


class Initializer(Protocol):
    """The protocol of initialisers."""

    def __call__(self, shape: Sequence[int], *, rng: Seed, backend: Backend) -> Tensor:
        """Return a tensor of a shape on a backend; random initialisers draw from rng."""


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return fan-in and fan-out of a weight.

    Fan-in is the number of inputs of each output, fan-out the number of outputs of each input. A
    weight is a matrix (inputs, outputs) or convolution kernels (out_channels, in_channels,
    *kernel), whose fans count every element of the kernel.

    Raises:
        ShapeError: The shape has fewer than two dimensions.

    >>> fans((784, 10)), fans((6, 1, 5, 5))
    ((784, 10), (25, 150))
    """
    if len(shape) < 2:
        raise ShapeError(
            f"fans: shape {tuple(shape)} is not that of a weight; expected (inputs, outputs) or "
            "(out_channels, in_channels, *kernel). Use uniform or zeros for a bias"
        )
    if len(shape) == 2:
        return shape[0], shape[1]
    elements = math.prod(shape[2:])
    return shape[1] * elements, shape[0] * elements


def zeros(shape: Sequence[int], rng: Seed = None, backend: Backend = REFERENCE) -> Tensor:
    """Return zeros; rng is not used."""
    return zeros_tensor(shape, backend=backend)


def uniform(
    shape: Sequence[int],
    low: float,
    high: float,
    rng: Seed = None,
    backend: Backend = REFERENCE,
) -> Tensor:
    """Draw from the uniform distribution over [low, high).

    Args:
        shape: The sizes.
        low: The lower bound, inclusive.
        high: The upper bound, exclusive.
        rng: A generator, a seed, or None for an unpredictable seed.
        backend: The tensor's backend.

    Raises:
        ValueError: A bound is not finite, or `low` is above `high`.
    """
    if not -math.inf < low <= high < math.inf:
        raise ValueError(f"uniform: low {low} and high {high} must be finite, and low at most high")
    return from_numpy(np.random.default_rng(rng).uniform(low, high, tuple(shape)), backend)


def normal(
    shape: Sequence[int],
    mean: float = 0.0,
    std: float = 1.0,
    rng: Seed = None,
    backend: Backend = REFERENCE,
) -> Tensor:
    """Draw from the normal distribution.

    Args:
        shape: The sizes.
        mean: The mean.
        std: The standard deviation, 0 or more.
        rng: A generator, a seed, or None for an unpredictable seed.
        backend: The tensor's backend.

    Raises:
        ValueError: A number is not finite, or the standard deviation is negative.
    """
    if not (math.isfinite(mean) and 0.0 <= std < math.inf):
        raise ValueError(f"normal: mean {mean} and std {std} must be finite, and std 0 or more")
    return from_numpy(np.random.default_rng(rng).normal(mean, std, tuple(shape)), backend)


def course_uniform(shape: Sequence[int], rng: Seed = None, backend: Backend = REFERENCE) -> Tensor:
    """Draw from [-0.05, 0.05): the course's ``0.1 * (rand(shape) - 0.5)``."""
    return uniform(shape, -0.05, 0.05, rng, backend)


def kaiming_uniform(shape: Sequence[int], rng: Seed = None, backend: Backend = REFERENCE) -> Tensor:
    r"""Draw a weight from $U(-b, b)$ with $b = \sqrt{6 / \text{fan\_in}}$.

    The variance is $2 / \text{fan\_in}$, which preserves the variance of activations through layers
    with ReLU (He et al. 2015, "Delving Deep into Rectifiers", equation 10).
    """
    fan_in, _ = fans(shape)
    bound = math.sqrt(6.0 / max(fan_in, 1))
    return uniform(shape, -bound, bound, rng, backend)


def xavier_uniform(shape: Sequence[int], rng: Seed = None, backend: Backend = REFERENCE) -> Tensor:
    r"""Draw a weight from $U(-b, b)$ with $b = \sqrt{6 / (\text{fan\_in} + \text{fan\_out})}$.

    It preserves the variance of activations and gradients through layers with tanh or sigmoid
    (Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks", equation 16).
    """
    bound = math.sqrt(6.0 / max(sum(fans(shape)), 1))
    return uniform(shape, -bound, bound, rng, backend)
