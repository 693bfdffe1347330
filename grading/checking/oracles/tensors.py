"""Tensor functions and their gradients, in NumPy."""

from collections.abc import Callable, Mapping

import numpy as np

from grading.checking.oracles.programs import (
    FORMS,
    PARTIAL_FORMS,
    PARTIALS,
    VALUES,
    Partials,
    Value,
)
from grading.protocol.messages import Array


def elementwise(name: str, *operands: Array, values: Mapping[str, Value] = VALUES) -> Array:
    """Apply a scalar formula to arrays that broadcast."""
    return np.asarray(np.vectorize(values[name], otypes=[np.float64])(*operands))


def elementwise_forms(name: str, *operands: Array) -> list[Array]:
    """Apply each accepted form of a scalar formula; the logarithm has two."""
    forms = FORMS if name == "log" else FORMS[:1]
    return [elementwise(name, *operands, values=values) for values in forms]


def elementwise_gradients(
    name: str, upstream: Array, *operands: Array, partials: Mapping[str, Partials] = PARTIALS
) -> list[Array]:
    """Return the gradients of a scalar formula with respect to its operands."""
    gradients = []
    for i, x in enumerate(operands):
        slope = np.vectorize(lambda *xs, i=i: partials[name](*xs)[i], otypes=[np.float64])
        gradients.append(unbroadcast(upstream * slope(*operands), x.shape))
    return gradients


def elementwise_gradient_forms(name: str, upstream: Array, *operands: Array) -> list[list[Array]]:
    """Return the gradients for each accepted form of a scalar formula."""
    forms = PARTIAL_FORMS if name == "log" else PARTIAL_FORMS[:1]
    return [elementwise_gradients(name, upstream, *operands, partials=each) for each in forms]


def unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over broadcast dimensions, so that it has the shape of the operand."""
    total = np.zeros(shape)
    lead = gradient.ndim - len(shape)
    for index in np.ndindex(*gradient.shape):
        own = tuple(0 if n == 1 else i for i, n in zip(index[lead:], shape, strict=True))
        total[own] += gradient[index]
    return total


def numerical_gradients(
    f: Callable[..., Array], upstream: Array, *operands: Array, step: float = 1e-5
) -> list[Array]:
    """Return the gradients of a function by central differences, for every element."""
    gradients = []
    for i, x in enumerate(operands):
        gradient = np.zeros(x.shape)
        for index in np.ndindex(*x.shape):
            shifted = [x.copy(), x.copy()]
            shifted[0][index] += step
            shifted[1][index] -= step
            above, below = (f(*operands[:i], y, *operands[i + 1 :]) for y in shifted)
            gradient[index] = np.sum((above - below) * upstream) / (2 * step)
        gradients.append(gradient)
    return gradients


def matmul_gradients(a: Array, b: Array, upstream: Array) -> tuple[Array, Array]:
    """Return the gradients of a batched matrix product; batch dimensions broadcast.

    Shape:
        (..., M, K), (..., K, N), (..., M, N) → (..., M, K), (..., K, N).
    """
    return (
        unbroadcast(upstream @ b.swapaxes(-1, -2), a.shape),
        unbroadcast(a.swapaxes(-1, -2) @ upstream, b.shape),
    )
