"""Map and zip for memory as training lays it out.

A formula has kernels of two kinds, each compiled when first needed: for operands of one shape
without gaps, and for rows and columns, among them a row or a column that is repeated. Whatever does
not come down to these (see `mt_kernels_cpu.tuned.operations.broadcasting`) is left to the strided
kernels.

Every operation asks here, the smallest ones too, so a call does little besides calling its kernel.
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
from mt_kernels_cpu.tuned.operations.formulas import formula_for
from mt_tensor import Map, TensorData, Zip
from mt_tensor.layout import IndexingError, Storage, shape_broadcast, strides_from_shape

empty = np.empty

SMALL = 2**17
"""So few numbers are not worth a buffer: the system's own memory is found sooner."""


class Elementwise(Memory):
    """The part of a backend that maps and zips."""

    def __init__(self, dtype: npt.DTypeLike = np.float32) -> None:
        super().__init__(dtype)
        self._strided = Fast(dtype)
        # The kernels that have been asked for, so that small tensors do not wait for the question.
        self._flat_maps: dict[Map, Callable[..., None]] = {}
        self._flat_zips: dict[Zip, Callable[..., None]] = {}

    def copy(self, a: TensorData) -> TensorData:
        """Return a contiguous copy."""
        cells = a.flat()
        if cells is not None:
            to = empty(a.size, self.dtype) if a.size < SMALL else self.storage(a.size)
            to[:] = cells
            return a.with_storage(to)
        if not any(a.strides):
            # One number for all: the gradient of a sum.
            return self.full(a.shape, a.storage[0])
        return super().copy(a)

    def map(self, fn: Map, a: TensorData, out: TensorData | None = None) -> TensorData:
        """Apply a scalar function to every element; see `mt_tensor.Backend.map`."""
        if out is None:
            cells = a.flat() if a.cached_flat is None else a.cached_flat
            if cells is not None:
                to = empty(a.size, self.dtype) if a.size < SMALL else self.storage(a.size)
                try:
                    kernel = self._flat_maps[fn]
                except KeyError:
                    kernel = self._flat_maps[fn] = map_flat(fn, self.dtype)
                kernel(to, cells)
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
                to = empty(size, self.dtype) if size < SMALL else self.storage(size)
                try:
                    kernel = self._flat_zips[fn]
                except KeyError:
                    kernel = self._flat_zips[fn] = zip_flat(fn, self.dtype)
                kernel(to, x, y)
                return a.with_storage(to)
        plan = zip_plan(fn, self.dtype, a.shape, a.strides, b.shape, b.strides)
        if plan is None:
            return super().zip(fn, a, b)
        to = empty(plan.size, self.dtype) if plan.size < SMALL else self.storage(plan.size)
        plan.kernel(to, a.storage, b.storage, *plan.steps)
        return TensorData.unchecked(to, plan.shape, plan.strides)

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        if out.size == 0:
            return
        steps = rows_and_columns(out.shape, (out.shape, out.strides), (a.shape, a.strides))
        if steps is None:
            self._strided._map(fn, out, a)
        else:
            map_rows(fn, self.dtype)(out.storage, a.storage, *steps)

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        if out.size == 0:
            return
        steps = rows_and_columns(
            out.shape, (out.shape, out.strides), (a.shape, a.strides), (b.shape, b.strides)
        )
        if steps is None:
            self._strided._zip(fn, out, a, b)
        else:
            zip_rows(fn, self.dtype, steps)(out.storage, a.storage, b.storage, *steps)


class Plan(NamedTuple):
    """What is worked out once for all operands of the same layouts."""

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
) -> Plan | None:
    """Return how to combine two layouts; None if that is for the general way.

    It is where the shapes do not broadcast, the result is empty, or it takes more than two loops.
    """
    try:
        shape = shape_broadcast(a_shape, b_shape)
    except IndexingError:
        return None
    size, strides = math.prod(shape), strides_from_shape(shape)
    if size == 0:
        return None
    steps = rows_and_columns(shape, (shape, strides), (a_shape, a_strides), (b_shape, b_strides))
    return None if steps is None else Plan(shape, strides, size, zip_rows(fn, dtype, steps), steps)


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def map_flat(fn: Map, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a)``: fn of every element, arrays of one length."""
    fn = formula_for(fn, dtype)

    def flat_map(out: Storage, a: Storage) -> None:
        for i in range(len(out)):
            out[i] = fn(a[i])

    return strict_kernel(flat_map)


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def zip_flat(fn: Zip, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a, b)``: fn of every pair of elements, arrays of one length."""
    fn = formula_for(fn, dtype)

    def flat_zip(out: Storage, a: Storage, b: Storage) -> None:
        for i in range(len(out)):
            out[i] = fn(a[i], b[i])

    return strict_kernel(flat_zip)


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def map_rows(fn: Map, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a, rows, columns, out_row, out_step, a_row, a_step)``."""
    fn = formula_for(fn, dtype)

    def row_map(
        out: Storage,
        a: Storage,
        rows: int,
        columns: int,
        out_row: int,
        out_step: int,
        a_row: int,
        a_step: int,
    ) -> None:
        for row in range(rows):
            # Slices, so that no index in the inner loops could count from the end.
            to, x = out[row * out_row :], a[row * a_row :]
            if out_step == 1 and a_step == 1:
                for i in range(columns):
                    to[i] = fn(x[i])
            else:
                for i in range(np.uint64(columns)):
                    to[i * np.uint64(out_step)] = fn(x[i * np.uint64(a_step)])

    return strict_kernel(row_map)


COMMON = ((1, 1, 1), (1, 1, 0), (1, 0, 1))
"""The steps from column to column of result and operands that have a kernel of their own: rows,
and rows with one number for all of them."""


def zip_rows(fn: Zip, dtype: np.dtype[Any], steps: tuple[int, ...]) -> Callable[..., None]:
    """Return ``kernel(out, a, b, rows, columns, steps of out, of a and of b)``.

    Args:
        fn: What it computes of each pair.
        dtype: The dtype of the numbers.
        steps: What the kernel will be given last: rows and columns, and for the result and each
            operand the steps from row to row and from column to column.
    """
    across = (steps[3], steps[5], steps[7])
    return _zip_rows(fn, dtype, across if across in COMMON else None)


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def _zip_rows(
    fn: Zip, dtype: np.dtype[Any], across: tuple[int, int, int] | None
) -> Callable[..., None]:
    """Return the kernel for some steps from column to column, None for any."""
    fn = formula_for(fn, dtype)
    known = across is not None
    _, a_known, b_known = across or (0, 0, 0)

    def row_zip(
        out: Storage,
        a: Storage,
        b: Storage,
        rows: int,
        columns: int,
        out_row: int,
        out_step: int,
        a_row: int,
        a_step: int,
        b_row: int,
        b_step: int,
    ) -> None:
        if known:
            # The compiler then computes several columns at once.
            out_step, a_step, b_step = 1, a_known, b_known
        for row in range(rows):
            to, x, y = out[row * out_row :], a[row * a_row :], b[row * b_row :]
            for i in range(np.uint64(columns)):
                to[i * np.uint64(out_step)] = fn(x[i * np.uint64(a_step)], y[i * np.uint64(b_step)])

    return strict_kernel(row_zip)
