"""Strips of the operands of a product, fetched from global into shared memory.

A strip holds some terms of some rows of the first operand, or of some columns of the second: its
*leads*. Neighbouring threads fetch what lies side by side in memory, four numbers at a time where
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
    """Where the numbers of an operand are: functions for the device.

    They take `g`, the numbers that a product was launched with.

    Attributes:
        lead: ``lead(g, start, i)``: three numbers that the terms of the i-th row, or column, have
            in common. `start` is where the operand of this one of several products begins.
        place: ``place(g, steps, x, y, z, term)``: where a number is, with those three; -1 stands
            for zero. `steps` is an array of the product's own.
    """

    lead: Callable[..., Any]
    place: Callable[..., Any]


@dataclass(frozen=True)
class Walk:
    """How an operand is fetched.

    Attributes:
        by_terms: Whether neighbouring terms lie side by side in memory, rather than leads.
        vec4: Whether four neighbours are one piece of memory.
    """

    by_terms: bool
    vec4: bool


def pitch_of(leads: int) -> int:
    """Return how far a term's numbers are from the next term's in a strip.

    With a piece more than there are leads, the threads of a warp write to different banks, and
    pieces still begin where they may.
    """
    return leads + VEC4


def filler(
    operand: Operand, walk: Walk, leads: int, terms: int, threads: int, dtype: np.dtype[Any]
) -> tuple[Callable[..., Any], Callable[..., None]]:
    """Return two device functions for strips of (terms, leads), zeros outside of the operand.

    Args:
        operand: The operand.
        walk: How it is fetched.
        leads: Rows or columns of a strip, a multiple of `VEC4`.
        terms: Terms of a strip, a multiple of `VEC4`.
        threads: The threads of a block.
        dtype: Of the numbers.

    Returns:
        ``own(g, start, begin, count)``, the three numbers of the lead of a thread, which it fetches
        from in every turn; and ``fill(strip, cells, g, steps, start, own, begin, count, first,
        last)``, which fetches the leads from `begin` on, of `count` there are, and the terms from
        `first` on, but not `last`.
    """
    each = VEC4 if walk.vec4 else 1
    by_terms, vec4 = walk.by_terms, walk.vec4
    pieces = leads * terms // each
    # Pieces of a lead, or of a term.
    row = (terms if by_terms else leads) // each
    turns, uneven = blocks_for(pieces, threads), pieces % threads != 0
    # Then a thread fetches from one lead all the time.
    faithful = not by_terms and threads % row == 0
    pitch, zero = pitch_of(leads), dtype.type(0)
    lead_of, place_of = device_function(operand.lead), device_function(operand.place)

    @device_function
    def own(g: Any, start: int, begin: int, count: int) -> Any:
        lead = begin + cuda.threadIdx.x % row * each if faithful else begin
        return lead_of(g, start, lead if lead < count else count - 1)

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
            piece = cuda.threadIdx.x + turn * threads
            lead, term = piece % row * each, piece // row
            if by_terms:
                lead, term = piece // row, piece % row * each
            if not uneven or piece < pieces:
                place = -1
                if begin + lead < count and first + term < last:
                    x, y, z = own if faithful else lead_of(g, start, begin + lead)
                    place = place_of(g, steps, x, y, z, first + term)
                to = term * pitch + lead
                if vec4:
                    four = (zero, zero, zero, zero)
                    if place >= 0:
                        four = load4(cells, place)
                    if by_terms:
                        for k in range(VEC4):
                            strip[to + k * pitch] = four[k]
                    else:
                        store4(strip, to, four)
                else:
                    strip[to] = cells[place] if place >= 0 else zero

    return own, fill
