"""Layouts of any operands as rows and columns: at most two loops, cached for each combination.

Dimensions of size 1 are left out. Neighbouring dimensions are merged if every operand moves through
both with one stride. Most maps and zips of training become one row without gaps, or a matrix with a
row or a column that is repeated. The strided kernels take what needs more than two loops.
"""

from functools import lru_cache
from typing import TypeAlias

from mt_tensor.layout import broadcast_strides, merged

Layout: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""Shape and strides."""

LAYOUT_CACHE_SIZE = 4096
"""Number of combinations of layouts that are cached."""


@lru_cache(maxsize=LAYOUT_CACHE_SIZE)
def rows_and_columns(shape: tuple[int, ...], *operands: Layout) -> tuple[int, ...] | None:
    """Return the loops over some operands as rows and columns.

    Args:
        shape: The common shape, to which all operands broadcast. No size is 0.
        *operands: The shape and strides of each.

    Returns:
        The number of rows and of columns; then for each operand the stride from row to row and
        from column to column. None if more than two loops are needed.

    >>> rows_and_columns((2, 3, 4), ((2, 3, 4), (12, 4, 1)), ((3, 4), (4, 1)))
    (2, 12, 12, 1, 0, 1)
    """
    sizes, steps = merged(shape, *(broadcast_strides(shape, *operand) for operand in operands))
    if len(sizes) > 2:
        return None
    missing = 2 - len(sizes)
    rows, columns = (1,) * missing + sizes
    each = ((0,) * missing + own for own in steps)
    return (rows, columns, *(step for own in each for step in own))
