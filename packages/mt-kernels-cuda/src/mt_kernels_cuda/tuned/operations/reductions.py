"""Reductions of contiguous tensors in one or several passes.

A tensor is viewed as (outer, length, inner), and the middle dimension is reduced. Along the last
dimension the threads of a block share a row. Along other dimensions each thread computes one
result, and neighbouring threads read neighbouring elements. If there are too few results to occupy
the device, each row is split into parts, and a second pass reduces the parts. The order of folding
is fixed, so that results are reproducible. Blocks of four threads 0 … 3::

    along the last dimension: a block a row      along others: a thread a column
    0 1 2 3 0 1 2 3 0 1 2 3  → fold 0 … 3        0 1 2 3  0 1 2 3
    0 1 2 3 0 1 2 3 0 1 2 3  → fold 0 … 3        0 1 2 3  0 1 2 3
                                                 0 1 2 3  0 1 2 3    ↓ fold
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import KERNEL_CACHE_SIZE, Kernel, kernel
from mt_kernels_cuda.launching import MAX_GRID, Launch, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.integers import divmod, smaller
from mt_kernels_cuda.tuned.hardware.shapes import THREADS, parts_for
from mt_kernels_cuda.tuned.operations.folding import block_fold
from mt_kernels_cuda.tuned.operations.formulas import formula_for
from mt_tensor.layout import Storage
from mt_tensor.outer_values import current

MAX_SERIAL_LENGTH = max(2, THREADS // 4)
"""Greatest length of a row that one thread reduces alone. A smaller value leaves most threads of a
block idle for short rows."""

MIN_TERMS_PER_BLOCK = 4 * THREADS
"""Least number of terms of a part that a block reduces. With fewer, starting a block takes longer
than its part."""

MIN_TERMS_PER_THREAD = max(2, THREADS // 4)
"""Least number of terms of a part that a thread reduces. With fewer, the second pass takes longer
than the first one saves."""

MAX_TERMS_PER_THREAD = 32
"""Greatest number of terms that a thread folds one after another. With more, a sum in single
precision is less exact; with fewer, there are more partial results."""

BLOCKS_PER_SM = 8
"""Blocks per multiprocessor (SM) that occupy it. With fewer, memory latency is not hidden."""


class ColumnSizes(NamedTuple):
    """Sizes of a reduction with one thread for each result.

    Attributes:
        results: The number of results.
        length: The number of elements that are reduced to a result.
        inner: The distance between them.
        each: The number of elements that a thread reduces.
    """

    results: int
    length: int
    inner: int
    each: int


def fold(
    backend: Device,
    fn: Callable[..., float],
    out: Storage,
    a: Storage,
    shape: tuple[int, int, int],
    start: float,
) -> None:
    """Reduce the middle dimension of a contiguous tensor.

    Args:
        backend: The backend that runs it.
        fn: A scalar function that may be folded in any order.
        out: The storage of the result, (outer, inner).
        a: The storage of the tensor.
        shape: (outer, length, inner), none of them 0.
        start: The initial value.
    """
    fn = current(fn)
    outer, length, inner = shape
    dtype, blocks = backend.dtype, BLOCKS_PER_SM * backend.processors
    number = dtype.type(start)
    if inner == 1 and length > MAX_SERIAL_LENGTH:
        parts = parts_for(outer, length, MIN_TERMS_PER_BLOCK, blocks)
        parts = _exact_parts(parts, length, MAX_TERMS_PER_THREAD * THREADS)
        each = blocks_for(length, parts)
        parts = blocks_for(length, each)
        to = out if parts == 1 else backend.allocate(outer * parts)
        arguments = (to, a, length, each, number, parts == 1)
        backend.run(Launch(fold_rows(fn, dtype, THREADS), (outer, parts), THREADS, arguments))
        if parts > 1:
            fold(backend, fn, out, to, (outer, parts, 1), start)
        return
    count = outer * inner
    parts = parts_for(blocks_for(count, THREADS), length, MIN_TERMS_PER_THREAD, blocks)
    parts = _exact_parts(parts, length, MAX_TERMS_PER_THREAD)
    each = blocks_for(length, parts)
    parts = blocks_for(length, each)
    to = out if parts == 1 else backend.allocate(count * parts)
    grid = (blocks_for(count, THREADS), parts)
    sizes = ColumnSizes(count, length, inner, each)
    backend.run(Launch(fold_columns(fn, dtype), grid, THREADS, (to, a, sizes, number, parts == 1)))
    if parts > 1:
        fold(backend, fn, out, to, (1, parts, count), start)


def _exact_parts(parts: int, length: int, most: int) -> int:
    """Return at least as many parts as have no more than `most` terms, if the grid allows it."""
    return max(parts, min(blocks_for(length, most), MAX_GRID))


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def fold_rows(fn: Callable[..., float], dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return ``kernel(out, a, length, each, start, whole)``.

    Launch it with a grid of (rows, parts) and blocks of `threads`, a power of two. A block reduces
    `each` elements of a row. The start value is used only if `whole` is true.
    """
    formula = formula_for(fn, dtype)
    combine = block_fold(formula, threads)

    @kernel
    def fold_long(
        out: Storage, a: Storage, length: int, each: int, start: float, whole: bool
    ) -> None:
        shared = cuda.shared.array(threads, dtype)
        row, part, thread = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x
        begin = row * length + part * each
        count = smaller(each, length - part * each)
        # Threads without an element read one of another thread; it is left out below.
        result = a[begin + smaller(thread, count - 1)]
        for i in range(thread + threads, count, threads):
            result = formula(result, a[begin + i])
        if count >= threads:
            result = combine(shared, result)
        else:
            shared[thread] = result
            cuda.syncthreads()
            result = shared[0]
            for i in range(1, count):
                result = formula(result, shared[i])
        if thread == 0:
            out[row * cuda.gridDim.y + part] = formula(start, result) if whole else result

    return fold_long


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def fold_columns(fn: Callable[..., float], dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(out, a, sizes, start, whole)``.

    Launch it with a grid of (blocks for `results` threads, parts).
    """
    formula = formula_for(fn, dtype)

    @kernel
    def fold_across(
        out: Storage, a: Storage, sizes: ColumnSizes, start: float, whole: bool
    ) -> None:
        count, length, inner, each = sizes
        i, part = cuda.grid(1), cuda.blockIdx.y
        if i < count:
            first = part * each
            row, column = divmod(i, inner)
            first_position = row * length * inner + column
            result = a[first_position + first * inner]
            for k in range(first + 1, smaller(first + each, length)):
                result = formula(result, a[first_position + k * inner])
            out[part * count + i] = formula(start, result) if whole else result

    return fold_across


def as_3d(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    """Return a shape as (outer, length, inner), where dimension `dim` is the middle one."""
    return math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])
