"""The baseline: the operations of the workloads as NumPy operations on whole arrays.

They use neither BLAS nor threads, so that the ratio of their time to that of a compiled loop is
similar on all machines. A submission's results are compared with theirs.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from grading.protocol.messages import Array

Index: TypeAlias = tuple[Any, ...]
Baseline: TypeAlias = Callable[..., Array]


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)).

    `np.logaddexp` calls the C library for each element, as a compiled loop does; `np.exp` is
    vectorised on some processors.
    """
    result: Array = np.exp(-np.logaddexp(0.0, -x))
    return result


def accumulate(x: Array, dim: int) -> Array:
    """Return the sums along a dimension, added sequentially as in a fold.

    Shape:
        (…, n, …) → (…, 1, …).
    """
    along = [slice(None)] * x.ndim
    along[dim] = slice(-1, None)
    sums: Array = np.add.accumulate(x, axis=dim)[tuple(along)]
    return sums


def products(a: Array, b: Array) -> Array:
    """Return matrix products, computed as sums of outer products.

    Shape:
        (…, m, k), (…, k, n) → (…, m, n).
    """
    out = np.zeros((*a.shape[:-1], b.shape[-1]))
    term = np.empty_like(out)
    for k in range(a.shape[-1]):
        np.multiply(a[..., k, None], b[..., k, None, :], out=term)
        np.add(out, term, out=out)
    return out


def correlate(x: Array, weight: Array) -> Array:
    """Return the cross-correlation with kernels anchored at their first element.

    Elements outside of x count as 0. Each pass multiplies one channel, shifted by a kernel
    position, by the weights of all kernels at this position.

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
    """Combine the elements of each window of an image, one window position per pass.

    Shape:
        (…, H, W) → (…, H / height, W / width).
    """
    height, width = kernel
    corners = [x[..., i::height, j::width] for i in range(height) for j in range(width)]
    out: Array = corners[0].copy()
    for corner in corners[1:]:
        combine(out, corner, out=out)
    return out


def logsumexp(x: Array, dim: int) -> Array:
    """Return the logarithms of the sums of exponentials along a dimension.

    Shape:
        (…, n, …) → (…, 1, …).
    """
    largest = x.max(axis=dim, keepdims=True)
    result: Array = np.log(np.exp(x - largest).sum(axis=dim, keepdims=True)) + largest
    return result


def layer_norm(x: Array) -> Array:
    """Return rows with the mean 0 and the variance 1, up to the term 1e-5 of the variance."""
    centred = x - x.mean(axis=1, keepdims=True)
    result: Array = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    return result


def self_attention(q: Array, kt: Array, v: Array) -> Array:
    """Return causal attention, with the heads side by side.

    Shape:
        q and v (count, heads, length, size), kt (count, heads, size, length) →
        (count, length, heads · size).
    """
    count, heads, length, size = q.shape
    scores = products(q, kt) / size**0.5
    scores = np.where(np.tri(length, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = products(weights / weights.sum(axis=-1, keepdims=True), v)
    return mixed.transpose(0, 2, 1, 3).reshape(count, length, heads * size)


BASELINES: Mapping[str, Baseline] = {
    "sigmoid": sigmoid,
    "mul": lambda a, b: np.multiply(a, b),
    "sum": accumulate,
    "matmul": products,
    "conv1d": correlate,
    "conv2d": correlate,
    "avgpool2d": lambda x, kernel: windows(x, kernel, np.add) / (kernel[0] * kernel[1]),
    "maxpool2d": lambda x, kernel: windows(x, kernel, np.maximum),
    "logsumexp": logsumexp,
    "layer_norm": layer_norm,
    "self_attention": self_attention,
}
"""Baseline functions, by the operation of a workload."""
