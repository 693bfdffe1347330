"""Map and zip for memory as training lays it out.

A formula has two kernels, each compiled when first needed: one for operands of one shape without
gaps, and one for rows and columns, among them a row or a column that is repeated. Whatever does not
come down to these (see `mt_kernels_cpu.tuned.broadcasting`) is left to the strided kernels.

Every operation asks here, the smallest ones too, so a call does little besides calling its kernel.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.backend import Fast
from mt_kernels_cpu.jit import KERNELS_KEPT, exact
from mt_kernels_cpu.tuned.broadcasting import rows_and_columns
from mt_kernels_cpu.tuned.formulas import formula_for
from mt_tensor import HostBackend, Map, TensorData, Zip
from mt_tensor.layout import Storage

SMALL = 2**17
"""So few numbers are not worth a buffer: the system's own memory is found sooner."""


class Elementwise(HostBackend):
    """The part of a backend that maps and zips."""

    def __init__(self, dtype: npt.DTypeLike = np.float32) -> None:
        super().__init__(dtype)
        self._strided = Fast(dtype)
        # The kernels that have been asked for, so that small tensors do not wait for the question.
        self._flat_maps: dict[Map, Callable[..., None]] = {}
        self._flat_zips: dict[Zip, Callable[..., None]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy finds kernels and memory of its own.
        return type(self), (self.dtype,)

    def copy(self, a: TensorData) -> TensorData:
        """Return a contiguous copy."""
        cells = a.flat()
        if cells is not None:
            to = np.empty(a.size, self.dtype) if a.size < SMALL else self._cells(a.size)
            to[:] = cells
            return a.like(to)
        if not any(a.strides):
            # One number for all: the gradient of a sum.
            return self.full(a.shape, a.storage[0])
        return super().copy(a)

    def map(self, fn: Map, a: TensorData, out: TensorData | None = None) -> TensorData:
        """Apply a scalar function to every element; see `mt_tensor.Backend.map`."""
        if out is None:
            cells = a.flat()
            if cells is not None:
                to = np.empty(a.size, self.dtype) if a.size < SMALL else self._cells(a.size)
                kernel = self._flat_maps.get(fn)
                if kernel is None:
                    kernel = self._flat_maps[fn] = map_flat(fn, self.dtype)
                kernel(to, cells)
                return a.like(to)
        return super().map(fn, a, out)

    def zip(
        self, fn: Zip, a: TensorData, b: TensorData, out: TensorData | None = None
    ) -> TensorData:
        """Combine two tensors element by element; see `mt_tensor.Backend.zip`."""
        if out is None and a.shape == b.shape:
            a_cells, b_cells = a.flat(), b.flat()
            if a_cells is not None and b_cells is not None:
                to = np.empty(a.size, self.dtype) if a.size < SMALL else self._cells(a.size)
                kernel = self._flat_zips.get(fn)
                if kernel is None:
                    kernel = self._flat_zips[fn] = zip_flat(fn, self.dtype)
                kernel(to, a_cells, b_cells)
                return a.like(to)
        return super().zip(fn, a, b, out)

    def _cells(self, count: int) -> Storage:
        """Return memory for so many numbers."""
        raise NotImplementedError

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
            zip_rows(fn, self.dtype)(out.storage, a.storage, b.storage, *steps)


@lru_cache(maxsize=KERNELS_KEPT)
def map_flat(fn: Map, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a)``: fn of every element, arrays of one length."""
    fn = formula_for(fn, dtype)

    def flat_map(out: Storage, a: Storage) -> None:
        for i in range(len(out)):
            out[i] = fn(a[i])

    return exact(flat_map)


@lru_cache(maxsize=KERNELS_KEPT)
def zip_flat(fn: Zip, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a, b)``: fn of every pair of elements, arrays of one length."""
    fn = formula_for(fn, dtype)

    def flat_zip(out: Storage, a: Storage, b: Storage) -> None:
        for i in range(len(out)):
            out[i] = fn(a[i], b[i])

    return exact(flat_zip)


@lru_cache(maxsize=KERNELS_KEPT)
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

    return exact(row_map)


@lru_cache(maxsize=KERNELS_KEPT)
def zip_rows(fn: Zip, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a, b, rows, columns, steps of out, of a and of b)``.

    The steps are those from row to row and from column to column. The inner loop comes in four
    forms, each of which the compiler knows how to do for several columns at once, but the last.
    """
    fn = formula_for(fn, dtype)

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
        for row in range(rows):
            to, x, y = out[row * out_row :], a[row * a_row :], b[row * b_row :]
            if out_step == 1 and a_step == 1 and b_step == 1:
                for i in range(columns):
                    to[i] = fn(x[i], y[i])
            elif out_step == 1 and a_step == 1 and b_step == 0:
                number = y[0]
                for i in range(columns):
                    to[i] = fn(x[i], number)
            elif out_step == 1 and a_step == 0 and b_step == 1:
                number = x[0]
                for i in range(columns):
                    to[i] = fn(number, y[i])
            else:
                for i in range(np.uint64(columns)):
                    to[i * np.uint64(out_step)] = fn(
                        x[i * np.uint64(a_step)], y[i * np.uint64(b_step)]
                    )

    return exact(row_zip)
