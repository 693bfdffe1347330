"""The yardstick: the operations of the workloads as passes of NumPy over whole arrays.

They are as memory and arithmetic units of a machine allow, with neither BLAS nor threads, so that
their time follows that of a compiled loop from machine to machine. Their results are right: a
submission's are compared with them.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from grading.protocol.messages import Array

Index: TypeAlias = tuple[Any, ...]
Yardstick: TypeAlias = Callable[..., Array]


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)).

    `np.logaddexp` calls the C library for one element after the other on every processor, as a
    compiled loop does; `np.exp` has faster ways on some.
    """
    result: Array = np.exp(-np.logaddexp(0.0, -x))
    return result


def add_up(x: Array, dim: int) -> Array:
    """Return the sums along a dimension: one addition after the other, as a fold does it."""
    along = [slice(None)] * x.ndim
    along[dim] = slice(-1, None)
    sums: Array = np.add.accumulate(x, axis=dim)[tuple(along)]
    return sums


def products(a: Array, b: Array) -> Array:
    """Return the products of matrices as sums of columns times rows."""
    out = np.zeros((*a.shape[:-1], b.shape[-1]))
    term = np.empty_like(out)
    for k in range(a.shape[-1]):
        np.multiply(a[..., k, None], b[..., k, None, :], out=term)
        np.add(out, term, out=out)
    return out


def shifted(x: Array, weight: Array) -> Array:
    """Return the correlation with kernels, anchored at their first corner, zeros around x.

    For each channel and each position in the kernel, the part of the channel that is met, times
    the weights of all kernels.

    Shape:
        (N, C, ...), (O, C, ...) → (N, O, ...).
    """
    sizes = x.shape[2:]
    out = np.zeros((x.shape[0], weight.shape[0], *sizes))
    term = np.empty_like(out)
    for c, *k in product(*map(range, weight.shape[1:])):
        here: Index = (..., *(slice(max(0, n - i)) for n, i in zip(sizes, k, strict=True)))
        there: Index = (slice(None), slice(c, c + 1), *(slice(i, None) for i in k))
        one: Index = (slice(None), c, *k)
        np.multiply(x[there], weight[one].reshape(-1, *(1 for _ in sizes)), out=term[here])
        np.add(out[here], term[here], out=out[here])
    return out


def windows(x: Array, kernel: tuple[int, int], combine: np.ufunc) -> Array:
    """Combine the elements of each window of an image, one position of the windows a pass."""
    height, width = kernel
    corners = [x[..., i::height, j::width] for i in range(height) for j in range(width)]
    out: Array = corners[0].copy()
    for corner in corners[1:]:
        combine(out, corner, out=out)
    return out


YARDSTICKS: Mapping[str, Yardstick] = {
    "sigmoid": sigmoid,
    "mul": lambda a, b: np.multiply(a, b),
    "sum": add_up,
    "matmul": products,
    "conv1d": shifted,
    "conv2d": shifted,
    "avgpool2d": lambda x, kernel: windows(x, kernel, np.add) / (kernel[0] * kernel[1]),
    "maxpool2d": lambda x, kernel: windows(x, kernel, np.maximum),
}
"""For each operation of a workload that a submission can be asked for, the yardstick."""
