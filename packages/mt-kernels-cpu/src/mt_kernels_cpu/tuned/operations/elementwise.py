"""Map and zip for the layouts of training.

The addition of a bias to a matrix: two loops, with a stride of 0 where an operand is repeated::

    out (strides 4, 1)    a (strides 4, 1)    b (strides 0, 1)
    o o o o               a a a a             b b b b
    o o o o           =   a a a a         +   b b b b
    o o o o               a a a a             b b b b

A formula has kernels of two kinds, each compiled at its first call: for contiguous operands of one
shape, and for rows and columns, of which a row or a column may be repeated. The strided kernels
take all other layouts (see `mt_kernels_cpu.tuned.operations.broadcasting`).

Every operation of a network passes through here, also on the smallest tensors. So a call does
little more than calling its kernel.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.backend import Fast
from mt_kernels_cpu.compiling.jit import KERNEL_CACHE_SIZE, strict_kernel
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.broadcasting import LAYOUT_CACHE_SIZE, rows_and_columns
from mt_kernels_cpu.tuned.operations.exponential_avx512 import vector_map
from mt_kernels_cpu.tuned.operations.formulas import formula_for
from mt_tensor import Map, TensorData, Zip, host_array, recording
from mt_tensor.layout import IndexingError, Storage, shape_broadcast, strides_from_shape
from mt_tensor.outer_values import current

empty = np.empty

BUFFERED_FROM = 2**17
"""Smallest number of elements that use a buffer. Below, NumPy allocates faster than a buffer is
found."""


class Elementwise(Memory):
    """Part of a backend that maps and zips."""

    def __init__(self, dtype: npt.DTypeLike = np.float32) -> None:
        super().__init__(dtype)
        self._strided = Fast(dtype)
        # A dictionary is faster than `map_flat` and `zip_flat`, which counts for small tensors.
        self._flat_maps: dict[Map, Callable[..., None]] = {}
        self._flat_zips: dict[Zip, Callable[..., None]] = {}

    def copy(self, a: TensorData) -> TensorData:
        """Return a contiguous copy."""
        elements = a.flat()
        if elements is not None:
            to = empty(a.size, self.dtype) if a.size < BUFFERED_FROM else self.storage(a.size)
            recording.called(np.copyto, to, elements)
            return a.with_storage(to)
        if not any(a.strides):
            # All elements are one number, as in the gradient of a sum.
            return self.full(a.shape, a.storage[0])
        return super().copy(a)

    def map(self, fn: Map, a: TensorData, out: TensorData | None = None) -> TensorData:
        """Apply a scalar function to every element; see `mt_tensor.Backend.map`."""
        if out is None:
            elements = a.flat() if a.cached_flat is None else a.cached_flat
            if elements is not None:
                to = empty(a.size, self.dtype) if a.size < BUFFERED_FROM else self.storage(a.size)
                try:
                    kernel = self._flat_maps[fn]
                except KeyError:
                    formula = current(fn)
                    kernel = map_flat(formula, self.dtype)
                    if formula is fn:  # It reads no constants that may change.
                        self._flat_maps[fn] = kernel
                kernel(to, elements)
                return a.with_storage(to)
        return super().map(fn, a, out)

    def zip(
        self, fn: Zip, a: TensorData, b: TensorData, out: TensorData | None = None
    ) -> TensorData:
        """Combine two tensors element by element; see `mt_tensor.Backend.zip`."""
        if out is not None:
            return super().zip(fn, a, b, out)
        if a.shape == b.shape:
            x, y = a.cached_flat, b.cached_flat
            if x is None or y is None:
                x, y = a.flat(), b.flat()
            if x is not None and y is not None:
                size = a.size
                to = empty(size, self.dtype) if size < BUFFERED_FROM else self.storage(size)
                try:
                    kernel = self._flat_zips[fn]
                except KeyError:
                    formula = current(fn)
                    kernel = zip_flat(formula, self.dtype)
                    if formula is fn:  # It reads no constants that may change.
                        self._flat_zips[fn] = kernel
                kernel(to, x, y)
                return a.with_storage(to)
        plan = zip_plan(current(fn), self.dtype, a.shape, a.strides, b.shape, b.strides)
        if plan is None:
            return super().zip(fn, a, b)
        to = empty(plan.size, self.dtype) if plan.size < BUFFERED_FROM else self.storage(plan.size)
        plan.kernel(to, a.storage, b.storage, plan.steps)
        return TensorData.unchecked(to, plan.shape, plan.strides)

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        if out.size == 0:
            return
        if vector_map(fn) is not None:
            # Contiguous and strided operands have the same results, to the last bit.
            numbers = self.map(fn, self.copy(a))
            recording.called(np.copyto, host_array(out), host_array(numbers))
            return
        steps = rows_and_columns(out.shape, (out.shape, out.strides), (a.shape, a.strides))
        if steps is None:
            self._strided._map(fn, out, a)
        else:
            map_rows(current(fn), self.dtype)(out.storage, a.storage, steps)

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        if out.size == 0:
            return
        steps = rows_and_columns(
            out.shape, (out.shape, out.strides), (a.shape, a.strides), (b.shape, b.strides)
        )
        if steps is None:
            self._strided._zip(fn, out, a, b)
        else:
            zip_rows(current(fn), self.dtype, steps)(out.storage, a.storage, b.storage, steps)


class ZipPlan(NamedTuple):
    """Result layout and kernel for all operands of the same layouts.

    Attributes:
        shape: The shape of the result.
        strides: The strides of the result, contiguous.
        size: The number of elements of the result.
        kernel: The compiled loop.
        steps: The last argument of the kernel: rows, columns and strides.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    size: int
    kernel: Callable[..., None]
    steps: tuple[int, ...]


@lru_cache(maxsize=LAYOUT_CACHE_SIZE)
def zip_plan(
    fn: Zip,
    dtype: np.dtype[Any],
    a_shape: tuple[int, ...],
    a_strides: tuple[int, ...],
    b_shape: tuple[int, ...],
    b_strides: tuple[int, ...],
) -> ZipPlan | None:
    """Return the plan for two layouts, None if the general implementation is needed.

    It is needed if the shapes do not broadcast, if the result is empty, and if more than two loops
    are needed.
    """
    try:
        shape = shape_broadcast(a_shape, b_shape)
    except IndexingError:
        return None
    size, strides = math.prod(shape), strides_from_shape(shape)
    if size == 0:
        return None
    steps = rows_and_columns(shape, (shape, strides), (a_shape, a_strides), (b_shape, b_strides))
    return (
        None if steps is None else ZipPlan(shape, strides, size, zip_rows(fn, dtype, steps), steps)
    )


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def map_flat(fn: Map, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a)``, which applies fn to every element.

    Shape:
        out and a (size,).
    """
    kernel = vector_map(fn)
    if kernel is not None:
        return kernel
    fn = formula_for(fn, dtype)

    def flat_map(out: Storage, a: Storage) -> None:
        for i in range(len(out)):
            out[i] = fn(a[i])

    return strict_kernel(flat_map)


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def zip_flat(fn: Zip, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a, b)``, which applies fn to every pair of elements.

    Shape:
        out, a and b (size,).
    """
    fn = formula_for(fn, dtype)

    def flat_zip(out: Storage, a: Storage, b: Storage) -> None:
        for i in range(len(out)):
            out[i] = fn(a[i], b[i])

    return strict_kernel(flat_zip)


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def map_rows(fn: Map, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a, steps)``; `rows_and_columns` returns the steps."""
    fn = formula_for(fn, dtype)

    def row_map(out: Storage, a: Storage, steps: tuple[int, ...]) -> None:
        rows, columns, out_row, out_step, a_row, a_step = steps
        for row in range(rows):
            # With slices and unsigned indices numba needs no test for negative indices.
            to, x = out[row * out_row :], a[row * a_row :]
            if out_step == 1 and a_step == 1:
                for i in range(columns):
                    to[i] = fn(x[i])
            else:
                for i in range(np.uint64(columns)):
                    to[i * np.uint64(out_step)] = fn(x[i * np.uint64(a_step)])

    return strict_kernel(row_map)


SPECIALISED_STEPS = ((1, 1, 1), (1, 1, 0), (1, 0, 1))
"""Column strides of result and operands with specialised kernels: contiguous rows, and rows
with one number for all columns."""


def zip_rows(fn: Zip, dtype: np.dtype[Any], steps: tuple[int, ...]) -> Callable[..., None]:
    """Return ``kernel(out, a, b, steps)``; `rows_and_columns` returns the steps.

    Args:
        fn: A scalar function of two numbers.
        dtype: The dtype of the elements.
        steps: The last argument of the kernel.
    """
    _, _, _, out_step, _, a_step, _, b_step = steps
    column_steps = (out_step, a_step, b_step)
    return _zip_rows(fn, dtype, column_steps if column_steps in SPECIALISED_STEPS else None)


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def _zip_rows(
    fn: Zip, dtype: np.dtype[Any], column_steps: tuple[int, int, int] | None
) -> Callable[..., None]:
    """Return the kernel for some strides from column to column, None for any strides."""
    fn = formula_for(fn, dtype)
    specialised = column_steps is not None
    _, known_a_step, known_b_step = column_steps or (0, 0, 0)

    def row_zip(out: Storage, a: Storage, b: Storage, steps: tuple[int, ...]) -> None:
        rows, columns, out_row, out_step, a_row, a_step, b_row, b_step = steps
        if specialised:
            # With constant strides the compiler vectorises the inner loop.
            out_step, a_step, b_step = 1, known_a_step, known_b_step
        for row in range(rows):
            to, x, y = out[row * out_row :], a[row * a_row :], b[row * b_row :]
            for i in range(np.uint64(columns)):
                to[i * np.uint64(out_step)] = fn(x[i * np.uint64(a_step)], y[i * np.uint64(b_step)])

    return strict_kernel(row_zip)
