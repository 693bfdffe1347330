"""Reduction of one dimension.

A row is folded into 64 partial results, or rows are folded into one another::

    one row of many elements                        three rows of four elements
    a0 … a63 | a64 … a127 | …                       a a a a │
    ↓      ↓   ↓        ↓                           a a a a │ fold
    l0 … l63, then one half into the other          a a a a ↓

Contiguous memory is a tensor of three dimensions: those before the reduced one, the reduced one,
and those behind it. If there are dimensions behind, whole rows are folded into one another. If
there are none, the folded elements are neighbours: a row is divided among several partial results,
which are folded into one at the end. Partial results are in double precision: sums in single
precision stall.

With AVX-512, long sums keep the 64 partial results of a row, or those of 64 columns, in eight
registers (`mt_kernels_cpu.tuned.simd.doubles`). The order of additions stays the same.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED, KERNEL_CACHE_SIZE, strict_kernel
from mt_kernels_cpu.tuned.memory import Memory, template
from mt_kernels_cpu.tuned.operations.formulas import formula_for
from mt_kernels_cpu.tuned.simd import doubles
from mt_kernels_cpu.tuned.simd.blocks import add_blocks
from mt_kernels_cpu.tuned.simd.doubles import (
    load_doubles,
    load_first_doubles,
    store_doubles,
    total,
)
from mt_kernels_cpu.tuned.simd.vector import WIDTH
from mt_tensor import TensorData, Zip, operators, recording
from mt_tensor.layout import Storage
from mt_tensor.outer_values import current

LANES = 64
"""Number of partial results of a row. A wrong value costs speed, and changes the rounding of
sums."""

FEW_ROWS = 8
"""Number of rows that are folded in the dtype of the result, as NumPy folds as many numbers."""

COLUMNS_PER_PASS = 512
"""Columns of which the partial results stay in the processor's first cache."""

BLOCK_COLUMNS = 2048
"""Columns whose partial results stay in the first cache of a processor with AVX-512."""

ROWS_PER_PASS = 4
"""Rows that are added to the partial results of a block of columns before they are written."""

HAS_VECTOR_SUMS = WIDTH == 64 and doubles.ELEMENTS == LANES and not JIT_IS_DISABLED
"""True if a block of vectors holds the partial results of a row. Then their sums are those of
`fold`, to the last bit."""

SHAPE_CACHE_SIZE = 1024
"""Number of shapes whose plans are cached."""


class Reductions(Memory):
    """Part of a backend that reduces."""

    def reduce(self, fn: Zip, a: TensorData, dim: int, start: float) -> TensorData:
        """Fold one dimension into a single element; see `mt_tensor.Backend.reduce`."""
        if not -len(a.shape) <= dim < len(a.shape):
            # The base class raises the error.
            return super().reduce(fn, a, dim, start)
        plan = fold_plan(a.shape, dim)
        elements = np.empty(plan.size, self.dtype)
        if plan.has_blocks and fn is operators.add:
            add_blocks_of(elements, self.elements(self.as_native(a)), plan.blocks, float(start))
            return plan.result.with_storage(elements)
        recording.called(elements.fill, start)
        out = plan.result.with_storage(elements)
        self._reduce(fn, out, a, dim, start)
        return out

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        before, count, behind = fold_plan(a.shape, dim).blocks
        elements = self.elements(a) if a.cached_flat is None else a.cached_flat
        if fn is operators.max:
            # numba does not vectorise a maximum that propagates NaN; NumPy does.
            matrix, parts = out.storage.reshape(before, behind), (before, count, behind)
            recording.called(_fold_maxima, elements.reshape(parts), matrix, start)
        else:
            fold(current(fn), self.dtype)(out.storage, elements, before, count, behind)


def _fold_maxima(a: npt.NDArray[Any], out: npt.NDArray[Any], start: float) -> None:
    np.maximum.reduce(a, 1, out=out, initial=start)


class FoldPlan(NamedTuple):
    """Result layout for all operands of one shape.

    Attributes:
        result: A tensor of the result's shape without elements, from which results are made.
        size: The number of elements of the result.
        blocks: The number of elements before the dimension, in it, and behind it.
        has_blocks: True if blocks of vectors add the elements.
    """

    result: TensorData
    size: int
    blocks: tuple[int, int, int]
    has_blocks: bool


@lru_cache(maxsize=SHAPE_CACHE_SIZE)
def fold_plan(shape: tuple[int, ...], dim: int) -> FoldPlan:
    """Return the plan to reduce a dimension of a shape; a negative one counts from the right."""
    at = dim % len(shape)
    before, behind = math.prod(shape[:at]), math.prod(shape[at + 1 :])
    result = template((*shape[:at], 1, *shape[at + 1 :]))
    count = shape[at]
    blocks = (before, count, behind)
    is_long = count >= 2 * LANES if behind == 1 else count > FEW_ROWS and behind >= LANES
    has_blocks = HAS_VECTOR_SUMS and is_long
    return FoldPlan(result, before * behind, blocks, has_blocks)


@strict_kernel
def add_blocks_of(out: Storage, a: Storage, blocks: tuple[int, int, int], start: float) -> None:
    """Write `start` plus all elements along a dimension, added in the order of `fold`.

    Args:
        out: The result, (before · behind,).
        a: The elements, (before · count · behind,), in the same dtype.
        blocks: before, count and behind: at least 2 · `LANES` elements without dimensions behind,
            or more than `FEW_ROWS` rows of at least `LANES` elements.
        start: The number to which the elements are added, rounded to the dtype of `out`.
    """
    before, count, behind = blocks
    rounded = np.float64(out.dtype.type(start))
    if behind == 1:
        whole = count - count % LANES
        for i in range(before):
            first = i * count
            sums = load_doubles(a, first)
            for at in range(first + LANES, first + whole, LANES):
                sums = add_blocks(sums, load_doubles(a, at))
            if whole < count:
                tail = load_first_doubles(a, first + whole, count - whole)
                sums = add_blocks(sums, tail)
            out[i] = rounded + total(sums)
        return
    columns = np.empty(min(behind, BLOCK_COLUMNS) + LANES)
    for i in range(before):
        for left in range(0, behind, BLOCK_COLUMNS):
            result = out[i * behind + left : i * behind + min(left + BLOCK_COLUMNS, behind)]
            width = len(result)
            for j in range(width):
                columns[j] = rounded
            first, end = i * count, (i + 1) * count
            for row in range(first, end, ROWS_PER_PASS):
                rows = min(ROWS_PER_PASS, end - row)
                for j in range(0, width, LANES):
                    sums, at = load_doubles(columns, j), row * behind + left + j
                    for _ in range(rows):
                        if j + LANES <= width:
                            sums = add_blocks(sums, load_doubles(a, at))
                        else:
                            sums = add_blocks(sums, load_first_doubles(a, at, width - j))
                        at += behind
                    store_doubles(columns, j, sums)
            for j in range(width):
                result[j] = columns[j]


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def fold(fn: Zip, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a, before, count, behind)``, which folds `a` into the values of `out`.

    Shape:
        out (before · behind,), a (before · count · behind,).
    """
    fn = formula_for(fn, dtype)

    def folding(out: Storage, a: Storage, before: int, count: int, behind: int) -> None:
        lanes, columns = np.empty(LANES), np.empty(COLUMNS_PER_PASS)
        for i in range(before):
            if behind == 1:
                row = a[i * count : (i + 1) * count]
                result = np.float64(out[i])
                if len(row) < 2 * LANES:
                    for k in range(len(row)):
                        result = fn(result, row[k])
                else:
                    for j in range(LANES):
                        lanes[j] = row[j]
                    folded = LANES
                    while folded + LANES <= len(row):
                        part = row[folded : folded + LANES]
                        for j in range(LANES):
                            lanes[j] = fn(lanes[j], part[j])
                        folded += LANES
                    tail = row[folded:]
                    for j in range(len(tail)):
                        lanes[j] = fn(lanes[j], tail[j])
                    # Fold one half into the other until one number is left.
                    width = LANES // 2
                    while width > 0:
                        for j in range(width):
                            lanes[j] = fn(lanes[j], lanes[width + j])
                        width //= 2
                    result = fn(result, lanes[0])
                out[i] = result
            elif count > FEW_ROWS:
                for start in range(0, behind, COLUMNS_PER_PASS):
                    stop = min(start + COLUMNS_PER_PASS, behind)
                    total, sums = (
                        out[i * behind + start : i * behind + stop],
                        columns[: stop - start],
                    )
                    for j in range(len(sums)):
                        sums[j] = total[j]
                    for k in range(i * count, (i + 1) * count):
                        row = a[k * behind + start : k * behind + stop]
                        for j in range(len(sums)):
                            sums[j] = fn(sums[j], row[j])
                    for j in range(len(sums)):
                        total[j] = sums[j]
            else:
                total = out[i * behind : (i + 1) * behind]
                for k in range(i * count, (i + 1) * count):
                    row = a[k * behind : (k + 1) * behind]
                    for j in range(len(total)):
                        total[j] = fn(total[j], row[j])

    return strict_kernel(folding)
