"""Loads of strips of the operands of a product from global into shared memory.

A strip consists of some terms of some rows of the first operand, or of some columns of the second;
this module calls both rows. Neighbouring threads load neighbours in memory, four numbers at a time
where the alignment allows it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import device_function
from mt_kernels_cuda.launching import blocks_for
from mt_kernels_cuda.tuned.hardware.vec4 import VEC4, load4, store4


@dataclass(frozen=True)
class Operand:
    """Device functions that compute offsets of an operand's elements.

    Their argument `g` is the tuple of launch parameters of the product.

    Attributes:
        row: ``row(g, start, i)`` returns three integers for the i-th row, which do not depend on
            the term; `start` is the offset of the operand in a batch of products.
        offset: ``offset(g, steps, x, y, z, term)`` returns the offset of an element, from these
            three integers; -1 for a zero. `steps` is the table of the product.
    """

    row: Callable[..., Any]
    offset: Callable[..., Any]


@dataclass(frozen=True)
class AccessPattern:
    """The order in which an operand is loaded.

    Attributes:
        by_terms: True if neighbouring terms are neighbours in memory, false if neighbouring rows
            are.
        vec4: True to load four neighbours at once.
    """

    by_terms: bool
    vec4: bool


def pitch_of(rows: int) -> int:
    """Return the distance in elements between consecutive terms in a strip.

    It exceeds the number of rows by four, so that the threads of a warp write to different banks
    of shared memory and vectors stay aligned.
    """
    return rows + VEC4


def filler(
    operand: Operand,
    pattern: AccessPattern,
    rows: int,
    terms: int,
    threads: int,
    dtype: np.dtype[Any],
) -> tuple[Callable[..., Any], Callable[..., None]]:
    """Return two device functions that load strips (terms, rows), zeros outside of the operand.

    Args:
        operand: The operand.
        pattern: The order of its loads.
        rows: The rows or columns of a strip, a multiple of `VEC4`.
        terms: The terms of a strip, a multiple of `VEC4`.
        threads: The threads of a block.
        dtype: The dtype of the elements.

    Returns:
        ``own(g, start, begin, count)``, which returns `Operand.row` of the row that the thread
        loads if that row is the same in every strip; and ``fill(strip, values, g, steps, start,
        own, begin, count, first, last)``, which loads the rows from `begin` on, below `count`,
        and the terms from `first` on, below `last`.
    """
    each = VEC4 if pattern.vec4 else 1
    by_terms, vec4 = pattern.by_terms, pattern.vec4
    loads = rows * terms // each
    # The number of loads along the contiguous dimension: terms of a row, or rows of a term.
    side = (terms if by_terms else rows) // each
    turns, uneven = blocks_for(loads, threads), loads % threads != 0
    # True if a thread loads from the same row in every strip.
    fixed_row = not by_terms and threads % side == 0
    pitch, zero = pitch_of(rows), dtype.type(0)
    row_of, offset_of = device_function(operand.row), device_function(operand.offset)

    @device_function
    def own(g: Any, start: int, begin: int, count: int) -> Any:
        row = begin + cuda.threadIdx.x % side * each if fixed_row else begin
        return row_of(g, start, row if row < count else count - 1)

    @device_function
    def fill(
        strip: Any,
        values: Any,
        g: Any,
        steps: Any,
        start: int,
        own: Any,
        begin: int,
        count: int,
        first: int,
        last: int,
    ) -> None:
        for turn in range(turns):
            load = cuda.threadIdx.x + turn * threads
            row, term = load % side * each, load // side
            if by_terms:
                row, term = load // side, load % side * each
            if not uneven or load < loads:
                offset = -1
                if begin + row < count and first + term < last:
                    x, y, z = own if fixed_row else row_of(g, start, begin + row)
                    offset = offset_of(g, steps, x, y, z, first + term)
                to = term * pitch + row
                if vec4:
                    four = (zero, zero, zero, zero)
                    if offset >= 0:
                        four = load4(values, offset)
                    if by_terms:
                        for k in range(VEC4):
                            strip[to + k * pitch] = four[k]
                    else:
                        store4(strip, to, four)
                else:
                    strip[to] = values[offset] if offset >= 0 else zero

    return own, fill
