"""Map and zip for the memory layouts of training.

Three threads 0 … 2 and 16 elements: each takes four neighbours at a time::

    contiguous   0 0 0 0  1 1 1 1  2 2 2 2  0 0 0 0        strided   0 1 2 …: an element a thread

Contiguous operands of one shape are processed as flat arrays, four numbers at a time where they are
aligned. The dimensions of other layouts are merged as far as possible: the addition of a bias to
every row has two dimensions for any shape.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import KERNEL_CACHE_SIZE, Kernel, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.integers import divmod
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.hardware.vec4 import VEC4, aligned, load4, store4
from mt_kernels_cuda.tuned.operations.formulas import formula_for
from mt_tensor import TensorData
from mt_tensor.layout import Storage, broadcast_strides, merged
from mt_tensor.outer_values import current

MAX_DIMS = 4
"""Most dimensions of a merged layout for which the tuned kernels are used. A kernel is compiled for
each number of dimensions; layouts with more use the course's kernels."""

Numbers = tuple[int, ...]


def map_launch(
    backend: Device, fn: Callable[..., float], out: TensorData, a: TensorData
) -> Launch | None:
    """Return the launch of fn on `a`; None for more than `MAX_DIMS` dimensions."""
    fn, dtype = current(fn), np.dtype(out.storage.dtype)
    to, values = out.flat(), a.flat()
    if to is not None and values is not None and a.shape == out.shape:
        return _flat(backend, map_flat(fn, dtype, aligned(to, values)), out.size, to, values)
    layout = _merged_layout(out, a)
    if layout is None:
        return None
    dims, numbers = layout
    return _launch(map_strided(fn, dtype, dims), out.size, out.storage, a.storage, numbers)


def zip_launch(
    backend: Device, fn: Callable[..., float], out: TensorData, a: TensorData, b: TensorData
) -> Launch | None:
    """Return the launch of fn on `a` and `b`; None for more than `MAX_DIMS` dimensions."""
    fn, dtype = current(fn), np.dtype(out.storage.dtype)
    to, left, right = out.flat(), _single_or_flat(a, out), _single_or_flat(b, out)
    if to is not None and left is not None and right is not None:
        vec4 = aligned(to, *(values for values, one in (left, right) if not one))
        made = zip_flat(fn, dtype, vec4, left[1], right[1])
        return _flat(backend, made, out.size, to, left[0], right[0])
    layout = _merged_layout(out, a, b)
    if layout is None:
        return None
    dims, numbers = layout
    made = zip_strided(fn, dtype, dims)
    return _launch(made, out.size, out.storage, a.storage, b.storage, numbers)


def _single_or_flat(operand: TensorData, out: TensorData) -> tuple[Any, bool] | None:
    """Return an operand's storage, and True if it is a scalar; None if it is not flat."""
    if operand.size == 1:
        return operand.storage, out.size != 1
    values = operand.flat() if operand.shape == out.shape else None
    return None if values is None else (values, False)


def _flat(backend: Device, made: Kernel, size: int, *values: Any) -> Launch:
    """Return a launch with one thread per four elements, at most the threads that run at once."""
    arguments = (*values, size)
    most = backend.blocks_at_once(made, THREADS, list(arguments))
    needed = blocks_for(blocks_for(size, VEC4), THREADS)
    return Launch(made, min(most, needed), THREADS, arguments)


def _launch(made: Kernel, size: int, *arguments: Any) -> Launch:
    """Return a launch with one thread per element."""
    return Launch(made, blocks_for(size, THREADS), THREADS, (*arguments[:-1], size, arguments[-1]))


def _merged_layout(out: TensorData, *operands: TensorData) -> tuple[int, Numbers] | None:
    """Return `few_dims` of a result and of operands broadcast to it."""
    own = (broadcast_strides(out.shape, each.shape, each.strides) for each in operands)
    return few_dims(out.shape, out.strides, *own)


def few_dims(shape: Numbers, *strides: Numbers) -> tuple[int, Numbers] | None:
    """Merge the dimensions of several layouts of one shape as far as possible.

    Returns:
        The number of dimensions, at least 1, and their sizes followed by the strides of each
        layout; None if there are more than `MAX_DIMS`.

    >>> few_dims((2, 3, 4), (12, 4, 1), (0, 4, 1))
    (2, (2, 12, 12, 1, 0, 1))
    """
    sizes, steps = merged(shape, *strides)
    if not sizes:
        sizes, steps = (1,), ((0,),) * len(strides)
    if len(sizes) > MAX_DIMS:
        return None
    return len(sizes), (*sizes, *(step for own in steps for step in own))


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def map_flat(fn: Callable[..., float], dtype: np.dtype[Any], vec4: bool) -> Kernel:
    """Return ``kernel(out, a, size)``.

    Launch it with any number of threads (grid-stride loop).
    """
    formula = formula_for(fn, dtype)

    @kernel
    def map_contiguous(out: Storage, a: Storage, size: int) -> None:
        thread, threads = cuda.grid(1), cuda.gridsize(1)
        first = 0
        if vec4:
            first = size // VEC4 * VEC4
            for i in range(VEC4 * thread, first, VEC4 * threads):
                a0, a1, a2, a3 = load4(a, i)
                store4(out, i, (formula(a0), formula(a1), formula(a2), formula(a3)))
        for i in range(first + thread, size, threads):
            out[i] = formula(a[i])

    return map_contiguous


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def zip_flat(
    fn: Callable[..., float], dtype: np.dtype[Any], vec4: bool, a_one: bool, b_one: bool
) -> Kernel:
    """Return ``kernel(out, a, b, size)``, where `a` or `b` may be a scalar."""
    formula = formula_for(fn, dtype)

    @kernel
    def zip_contiguous(out: Storage, a: Storage, b: Storage, size: int) -> None:
        thread, threads = cuda.grid(1), cuda.gridsize(1)
        first = 0
        if vec4:
            first = size // VEC4 * VEC4
            for i in range(VEC4 * thread, first, VEC4 * threads):
                x = (a[0], a[0], a[0], a[0]) if a_one else load4(a, i)
                y = (b[0], b[0], b[0], b[0]) if b_one else load4(b, i)
                x0, x1, x2, x3 = x
                y0, y1, y2, y3 = y
                four = (formula(x0, y0), formula(x1, y1), formula(x2, y2), formula(x3, y3))
                store4(out, i, four)
        for i in range(first + thread, size, threads):
            out[i] = formula(a[0 if a_one else i], b[0 if b_one else i])

    return zip_contiguous


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def map_strided(fn: Callable[..., float], dtype: np.dtype[Any], dims: int) -> Kernel:
    """Return ``kernel(out, a, size, numbers)``; `few_dims` returns the numbers."""
    formula = formula_for(fn, dtype)

    @kernel
    def map_layout(out: Storage, a: Storage, size: int, numbers: Numbers) -> None:
        rest = cuda.grid(1)
        if rest < size:
            at = in_a = 0
            for dim in range(dims - 1, 0, -1):
                rest, i = divmod(rest, numbers[dim])
                at += i * numbers[dims + dim]
                in_a += i * numbers[2 * dims + dim]
            at += rest * numbers[dims]
            out[at] = formula(a[in_a + rest * numbers[2 * dims]])

    return map_layout


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def zip_strided(fn: Callable[..., float], dtype: np.dtype[Any], dims: int) -> Kernel:
    """Return ``kernel(out, a, b, size, numbers)``; `few_dims` returns the numbers."""
    formula = formula_for(fn, dtype)

    @kernel
    def zip_layout(out: Storage, a: Storage, b: Storage, size: int, numbers: Numbers) -> None:
        rest = cuda.grid(1)
        if rest < size:
            at = in_a = in_b = 0
            for dim in range(dims - 1, 0, -1):
                rest, i = divmod(rest, numbers[dim])
                at += i * numbers[dims + dim]
                in_a += i * numbers[2 * dims + dim]
                in_b += i * numbers[3 * dims + dim]
            at += rest * numbers[dims]
            in_a += rest * numbers[2 * dims]
            in_b += rest * numbers[3 * dims]
            out[at] = formula(a[in_a], b[in_b])

    return zip_layout
