"""Loads strips of the operands of a product from global into shared memory.

A strip holds some terms of some rows of the first operand, or of some columns of the second; here
both are called rows. Neighbouring threads load neighbours in memory, four numbers at a time where
the operand allows it.
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
    """Device functions that locate the numbers of an operand.

    They take `g`, the numbers that a product was launched with.

    Attributes:
        row: ``row(g, start, i)`` returns three numbers that all terms of the i-th row share;
            `start` is the offset of this operand, of one of several products.
        offset: ``offset(g, steps, x, y, z, term)`` returns the offset of a number, given those
            three; -1 stands for a zero. `steps` is the product's own table.
    """

    row: Callable[..., Any]
    offset: Callable[..., Any]


@dataclass(frozen=True)
class AccessPattern:
    """The order in which an operand is loaded.

    Attributes:
        by_terms: True if neighbouring terms are neighbours in memory, false if neighbouring rows
            are.
        vec4: True if four neighbours are loaded at once.
    """

    by_terms: bool
    vec4: bool


def pitch_of(rows: int) -> int:
    """Return the distance in a strip between the numbers of a term and those of the next.

    With four numbers more than there are rows, the threads of a warp write to different banks, and
    vectors stay aligned.
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
    """Return two device functions for strips of (terms, rows), zeros outside of the operand.

    Args:
        operand: The operand.
        pattern: The order of its loads.
        rows: Rows or columns of a strip, a multiple of `VEC4`.
        terms: Terms of a strip, a multiple of `VEC4`.
        threads: The threads of a block.
        dtype: The type of the numbers.

    Returns:
        ``own(g, start, begin, count)``, the three numbers of a thread's row if it loads from the
        same row every time; and ``fill(strip, cells, g, steps, start, own, begin, count, first,
        last)``, which loads the rows from `begin` on, out of `count`, and the terms from `first`
        up to `last`, exclusively.
    """
    each = VEC4 if pattern.vec4 else 1
    by_terms, vec4 = pattern.by_terms, pattern.vec4
    loads = rows * terms // each
    # Loads of all terms of a row, or of all rows of a term.
    side = (terms if by_terms else rows) // each
    turns, uneven = blocks_for(loads, threads), loads % threads != 0
    # Then a thread loads from the same row every time.
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
        cells: Any,
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
                        four = load4(cells, offset)
                    if by_terms:
                        for k in range(VEC4):
                            strip[to + k * pitch] = four[k]
                    else:
                        store4(strip, to, four)
                else:
                    strip[to] = cells[offset] if offset >= 0 else zero

    return own, fill
