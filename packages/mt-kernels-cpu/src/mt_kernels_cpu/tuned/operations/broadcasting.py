"""How operands of any layout become rows: at most two loops, worked out once for each layout.

Dimensions of size 1 are left out, and neighbours over which every operand moves on evenly become
one. Of a map or zip in training little is left: one row without gaps, a matrix and a row or a
column that is repeated. What does not come down to rows and columns is for the strided kernels.
"""

from functools import lru_cache
from typing import TypeAlias

from mt_tensor.layout import broadcast_strides, merged

Layout: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""Shape and strides."""

LAYOUT_CACHE_SIZE = 4096
"""Number of combinations of layouts that are remembered."""


@lru_cache(maxsize=LAYOUT_CACHE_SIZE)
def rows_and_columns(shape: tuple[int, ...], *operands: Layout) -> tuple[int, ...] | None:
    """Return the same loop over memory as rows and columns.

    Args:
        shape: The common shape, to which all operands broadcast; it has elements.
        *operands: Shape and strides of each.

    Returns:
        The number of rows and of columns, and for each operand the step from row to row and from
        column to column. None if it takes more than two loops.

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
