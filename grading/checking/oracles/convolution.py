"""Convolutions and their gradients, computed by the definition."""

from itertools import product
from typing import Any

import numpy as np

from grading.protocol.messages import Array


def conv(x: Array, weight: Array, reverse: bool = False) -> Array:
    r"""Return the correlation of zero-padded images with kernels, of the size of the images.

    The kernel is anchored at its first element: $out_{n,o,p} = \sum_{c,k} x_{n,c,p+k} w_{o,c,k}$
    with positions p and k of any number of dimensions. With `reverse`, $x_{n,c,p-k}$ replaces
    $x_{n,c,p+k}$.

    Shape:
        (N, C, ...), (O, C, ...) → (N, O, ...).
    """
    out = np.zeros((x.shape[0], weight.shape[0], *x.shape[2:]))
    for p, k, q in _index_triples(x.shape[2:], weight.shape[2:], -1 if reverse else 1):
        out[at(p)] += x[at(q)] @ weight[at(k)].T
    return out


def conv_gradients(x: Array, weight: Array, upstream: Array) -> tuple[Array, Array]:
    """Return the gradients of `conv` with respect to the images and to the kernels.

    Shape:
        (N, C, ...), (O, C, ...), (N, O, ...) → (N, C, ...), (O, C, ...).
    """
    dx, dw = np.zeros_like(x, order="C"), np.zeros_like(weight, order="C")
    for p, k, q in _index_triples(x.shape[2:], weight.shape[2:], 1):
        dx[at(q)] += upstream[at(p)] @ weight[at(k)]
        dw[at(k)] += upstream[at(p)].T @ x[at(q)]
    return dx, dw


def _index_triples(
    size: tuple[int, ...], kernel: tuple[int, ...], sign: int
) -> list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Return all triples of p, k and q = p ± k for which q lies in the image."""
    found = []
    for p in product(*map(range, size)):
        for k in product(*map(range, kernel)):
            q = tuple(i + sign * j for i, j in zip(p, k, strict=True))
            if all(0 <= i < n for i, n in zip(q, size, strict=True)):
                found.append((p, k, q))
    return found


def at(position: tuple[int, ...]) -> tuple[Any, ...]:
    """Return the index that selects a position in all images and all channels."""
    return (slice(None), slice(None), *position)
