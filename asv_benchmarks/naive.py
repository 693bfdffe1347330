"""The course's loops in their first, straightforward version: correct and slow.

For every element they compute its index in a buffer (`to_index`), the index of each operand
(`broadcast_index`) and the position in its storage (`index_to_position`). They are compiled and
parallel like the loops of `mt_kernels_cpu.Fast`, and differ from these in index arithmetic only. A
comparison of the two measures the cost of that arithmetic.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

import numba
import numpy as np
from numba import prange

from mt_tensor import HostBackend, Map, TensorData, Zip, layout

# numba annotates the result of njit as a decorator; here it is a compiled function.
njit: Any = numba.njit

to_index = njit(layout.to_index)
broadcast_index = njit(layout.broadcast_index)
index_to_position = njit(layout.index_to_position)


class Naive(HostBackend):
    """Backend of the naive loops. They are not cached on disk; every process compiles them."""

    name: ClassVar[str] = "naive"

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        _map_kernel(fn)(*out.tuple(), *a.tuple())

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        _zip_kernel(fn)(*out.tuple(), *a.tuple(), *b.tuple())

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        _reduce_kernel(fn)(*out.tuple(), *a.tuple(), dim)

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        _matmul_kernel(*out.tuple(), *a.tuple(), *b.tuple())

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        _conv_kernel(*out.tuple(), *input.tuple(), *weight.tuple(), reverse)

    # Earlier commits, which asv and `peers --against` measure, call the hook by these names.
    _conv1d = _conv2d = _convolve


@cache
def _map_kernel(fn: Map) -> Callable[..., None]:
    fn = njit(fn)

    @njit(parallel=True)  # type: ignore[untyped-decorator]
    def kernel(
        out: Any, out_shape: Any, out_strides: Any, a: Any, a_shape: Any, a_strides: Any
    ) -> None:
        for ordinal in prange(np.prod(out_shape)):
            out_index = np.empty(len(out_shape), np.int64)
            a_index = np.empty(len(a_shape), np.int64)
            to_index(ordinal, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            at = index_to_position(out_index, out_strides)
            out[at] = fn(a[index_to_position(a_index, a_strides)])

    compiled: Callable[..., None] = kernel
    return compiled


@cache
def _zip_kernel(fn: Zip) -> Callable[..., None]:
    fn = njit(fn)

    @njit(parallel=True)  # type: ignore[untyped-decorator]
    def kernel(
        out: Any,
        out_shape: Any,
        out_strides: Any,
        a: Any,
        a_shape: Any,
        a_strides: Any,
        b: Any,
        b_shape: Any,
        b_strides: Any,
    ) -> None:
        for ordinal in prange(np.prod(out_shape)):
            out_index = np.empty(len(out_shape), np.int64)
            a_index = np.empty(len(a_shape), np.int64)
            b_index = np.empty(len(b_shape), np.int64)
            to_index(ordinal, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            broadcast_index(out_index, out_shape, b_shape, b_index)
            x = a[index_to_position(a_index, a_strides)]
            y = b[index_to_position(b_index, b_strides)]
            out[index_to_position(out_index, out_strides)] = fn(x, y)

    compiled: Callable[..., None] = kernel
    return compiled


@cache
def _reduce_kernel(fn: Zip) -> Callable[..., None]:
    fn = njit(fn)

    @njit(parallel=True)  # type: ignore[untyped-decorator]
    def kernel(
        out: Any, out_shape: Any, out_strides: Any, a: Any, a_shape: Any, a_strides: Any, dim: int
    ) -> None:
        for ordinal in prange(np.prod(out_shape)):
            index = np.empty(len(out_shape), np.int64)
            to_index(ordinal, out_shape, index)
            at = index_to_position(index, out_strides)
            for j in range(a_shape[dim]):
                index[dim] = j
                out[at] = fn(out[at], a[index_to_position(index, a_strides)])

    compiled: Callable[..., None] = kernel
    return compiled


@njit(parallel=True)  # type: ignore[untyped-decorator]
def _matmul_kernel(
    out: Any,
    out_shape: Any,
    out_strides: Any,
    a: Any,
    a_shape: Any,
    a_strides: Any,
    b: Any,
    b_shape: Any,
    b_strides: Any,
) -> None:
    last = len(out_shape) - 1
    for ordinal in prange(np.prod(out_shape)):
        out_index = np.empty(len(out_shape), np.int64)
        a_index = np.empty(len(a_shape), np.int64)
        b_index = np.empty(len(b_shape), np.int64)
        to_index(ordinal, out_shape, out_index)
        # Batch dimensions broadcast; a provides the row and b the column.
        broadcast_index(out_index, out_shape, a_shape, a_index)
        broadcast_index(out_index, out_shape, b_shape, b_index)
        a_index[len(a_shape) - 2] = out_index[last - 1]
        b_index[len(b_shape) - 1] = out_index[last]
        total = 0.0
        for k in range(a_shape[-1]):
            a_index[len(a_shape) - 1] = k
            b_index[len(b_shape) - 2] = k
            x = a[index_to_position(a_index, a_strides)]
            total += x * b[index_to_position(b_index, b_strides)]
        out[index_to_position(out_index, out_strides)] = total


@njit(parallel=True)  # type: ignore[untyped-decorator]
def _conv_kernel(
    out: Any,
    out_shape: Any,
    out_strides: Any,
    x: Any,
    x_shape: Any,
    x_strides: Any,
    w: Any,
    w_shape: Any,
    w_strides: Any,
    reverse: bool,
) -> None:
    """Convolve in one or two dimensions; compute the index of both operands for every product."""
    taps = 1
    for dim in range(1, len(w_shape)):
        taps *= w_shape[dim]
    for ordinal in prange(np.prod(out_shape)):
        out_index = np.empty(len(out_shape), np.int64)
        x_index = np.empty(len(x_shape), np.int64)
        w_index = np.empty(len(w_shape), np.int64)
        to_index(ordinal, out_shape, out_index)
        total = 0.0
        for tap in range(taps):
            to_index(tap, w_shape, w_index)
            w_index[0] = out_index[1]
            x_index[0] = out_index[0]
            x_index[1] = w_index[1]
            inside = True
            for dim in range(2, len(x_shape)):
                shift = -w_index[dim] if reverse else w_index[dim]
                x_index[dim] = out_index[dim] + shift
                inside = inside and 0 <= x_index[dim] < x_shape[dim]
            if inside:
                factor = w[index_to_position(w_index, w_strides)]
                total += x[index_to_position(x_index, x_strides)] * factor
        out[index_to_position(out_index, out_strides)] = total
