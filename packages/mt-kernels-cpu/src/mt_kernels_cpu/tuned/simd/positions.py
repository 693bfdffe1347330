"""Positions of the rows and of the vectors of a block, at equal distances."""

from typing import Any

from mt_kernels_cpu.compiling.jit import helper


@helper
def four_positions(start: int, step: int) -> Any:
    """Return four positions."""
    return start, start + step, start + 2 * step, start + 3 * step


@helper
def six_positions(start: int, step: int) -> Any:
    """Return six positions."""
    return (*four_positions(start, step), start + 4 * step, start + 5 * step)


@helper
def eight_positions(start: int, step: int) -> Any:
    """Return eight positions."""
    return (*six_positions(start, step), start + 6 * step, start + 7 * step)
