"""How operands of any layout become rows: at most two loops, worked out once for each layout.

Dimensions of size 1 are left out, and neighbours over which every operand moves on evenly become
one. Of a map or zip in training little is left: one row without gaps, a matrix and a row or a
column that is repeated. What does not come down to rows and columns is for the strided kernels.
"""

from functools import lru_cache
from typing import TypeAlias

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
    sizes, steps = merged(shape, *operands)
    if len(sizes) > 2:
        return None
    missing = 2 - len(sizes)
    rows, columns = (1,) * missing + sizes
    each = ((0,) * missing + own for own in steps)
    return (rows, columns, *(step for own in each for step in own))


def merged(
    shape: tuple[int, ...], *operands: Layout
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Return sizes, and strides of each operand, of the same loop with the fewest dimensions."""
    aligned = [_aligned(shape, own_shape, strides) for own_shape, strides in operands]
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in operands]
    for dim, size in enumerate(shape):
        if size == 1:
            continue
        if sizes and all(own[-1] == at[dim] * size for own, at in zip(steps, aligned, strict=True)):
            sizes[-1] *= size
            for own, at in zip(steps, aligned, strict=True):
                own[-1] = at[dim]
        else:
            sizes.append(size)
            for own, at in zip(steps, aligned, strict=True):
                own.append(at[dim])
    return tuple(sizes), tuple(tuple(own) for own in steps)


def _aligned(
    shape: tuple[int, ...], own_shape: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[int, ...]:
    """Return an operand's stride for each dimension of a shape, 0 where it is repeated."""
    own = tuple(0 if size == 1 else stride for size, stride in zip(own_shape, strides, strict=True))
    return (0,) * (len(shape) - len(own)) + own
