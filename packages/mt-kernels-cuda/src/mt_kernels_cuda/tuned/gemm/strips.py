"""Loads of strips of the operands of a product from global into shared memory.

A strip consists of some terms of some rows of the first operand, or of some columns of the second;
this module calls both rows. A strip of eight rows and four terms in shared memory, loaded by
sixteen threads, two numbers each; four cells separate its terms::

    term 0   r0 r1 r2 r3 r4 r5 r6 r7  . . . .
    term 1   r0 r1 r2 r3 r4 r5 r6 r7  . . . .     rows contiguous in memory: thread t loads
    term 2   r0 r1 r2 r3 r4 r5 r6 r7  . . . .     row t % 8 of the terms t // 8 and t // 8 + 2
    term 3   r0 r1 r2 r3 r4 r5 r6 r7  . . . .

Neighbouring threads load neighbours in memory, four numbers at a time where alignment allows it.
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

    Their argument `offsets` is that of the product, see `mt_kernels_cuda.tuned.gemm.tiles`.

    Attributes:
        row: ``row(offsets, start, i)`` returns three integers for the i-th row, which do not
            depend on the term; `start` is the offset of the operand in a batch of products.
        offset: ``offset(offsets, steps, x, y, z, term)`` returns the offset of an element,
            from these three integers; -1 for a zero. `steps` is the table of the product.
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


class TileLoader:
    """Device functions that load strips (terms, rows), with zeros outside of the operand.

    Attributes:
        row_of_thread: ``row_of_thread(offsets, start, begin, count)``, which returns `Operand.row`
            of the row that the thread loads, if that row is the same in every strip.
        load: ``load(strip, source, span, terms)``. The source is the storage of the operand, the
            table of the product, the offsets of the product, and the offset of the operand in a
            batch. The span is the result of `row_of_thread`, the first row, and the end of all
            rows. The terms are the first one, and the end of all.
    """

    row_of_thread: Callable[..., Any]
    load: Callable[..., None]

    def __init__(
        self,
        operand: Operand,
        pattern: AccessPattern,
        rows: int,
        terms: int,
        threads: int,
        dtype: np.dtype[Any],
    ) -> None:
        """Compile the functions.

        Args:
            operand: The operand.
            pattern: The order of its loads.
            rows: The rows or columns of a strip, a multiple of `VEC4`.
            terms: The terms of a strip, a multiple of `VEC4`.
            threads: The threads of a block.
            dtype: The dtype of the elements.
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
        def row_of_thread(offsets: Any, start: int, begin: int, count: int) -> Any:
            row = begin + cuda.threadIdx.x % side * each if fixed_row else begin
            return row_of(offsets, start, row if row < count else count - 1)

        @device_function
        def load(strip: Any, source: Any, span: Any, terms: Any) -> None:
            (values, steps, offsets, start), (own, begin, count), (first, last) = (
                source,
                span,
                terms,
            )
            for turn in range(turns):
                number = cuda.threadIdx.x + turn * threads
                row, term = number % side * each, number // side
                if by_terms:
                    row, term = number // side, number % side * each
                if not uneven or number < loads:
                    offset = -1
                    if begin + row < count and first + term < last:
                        x, y, z = own if fixed_row else row_of(offsets, start, begin + row)
                        offset = offset_of(offsets, steps, x, y, z, first + term)
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

        self.row_of_thread, self.load = row_of_thread, load
