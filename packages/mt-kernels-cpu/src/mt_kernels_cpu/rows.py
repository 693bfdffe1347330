"""Division of tensors into rows: the index arithmetic of map, zip and reduce.

A *row* is a run of elements along which every operand has a constant stride. Two loops remain for
every layout: over the rows, which are independent of each other, and along a row, which needs no
index arithmetic. Operands of the same layout without gaps form one row, divided after `LONGEST_ROW`
elements.

The loops here are plain. numba takes several times as long to compile them when they are written
with slices of arrays, and every kernel contains them.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import helper
from mt_tensor.layout import Shape, Strides, merge_dims

Integers: TypeAlias = npt.NDArray[np.int64]
"""Array of int64."""
Unsigned: TypeAlias = npt.NDArray[np.uint64]
"""Array of uint64."""

LONGEST_ROW = 4096
"""Elements after which a row is divided, so that every thread gets a part of one long row. A
smaller value costs index arithmetic."""

merge = helper(merge_dims)
"""`merge_dims`, compiled for use inside kernels, which may be called with any layout."""


@helper
def find_rows(
    shape: Shape, operands: tuple[tuple[Shape, Strides], ...], longest: int
) -> tuple[Unsigned, Unsigned, Unsigned]:
    """Divide operands that are broadcast to a shape into rows.

    The results are unsigned: numba then knows that indices do not count from the end, and needs no
    test for each element.

    Args:
        shape: The common shape.
        operands: The shape and strides of each.
        longest: The number of elements after which a row is divided.

    Returns:
        The start of each row in each operand's storage, the number of elements of each row, and
        each operand's stride along a row.

    Shape:
        (dims,) → (operands, rows), (rows,), (operands,).
    """
    sizes, strides = fewest_dims(shape, operands)
    last = len(sizes) - 1
    # The last dimension becomes two: pieces, which are rows, and the elements of a piece.
    pieces = max(1, (sizes[last] + longest - 1) // longest)
    rest = sizes[last] - (pieces - 1) * longest
    sizes[last] = pieces
    steps = np.empty(len(operands), np.int64)
    for operand in range(len(operands)):
        steps[operand] = strides[operand, last]
        strides[operand, last] *= longest
    starts = positions(sizes, strides)
    _, count = starts.shape
    lengths = np.empty(count, np.int64)
    for row in range(len(lengths)):
        lengths[row] = longest
    for row in range(pieces - 1, len(lengths), pieces):
        lengths[row] = rest
    return starts.view(np.uint64), lengths.view(np.uint64), steps.view(np.uint64)


@helper
def fewest_dims(
    shape: Shape, operands: tuple[tuple[Shape, Strides], ...]
) -> tuple[Integers, Integers]:
    """Return the sizes and strides of the same loop over memory with the fewest dimensions.

    Shape:
        (dims,) → (merged,), (operands, merged), with 1 ≤ merged ≤ dims + 1.
    """
    # One more size of 1: a tensor without dimensions has a row of one element.
    width = len(shape) + 1
    sizes = np.ones(width, np.int64)
    strides = np.zeros(len(operands) * width, np.int64)
    for dim in range(len(shape)):
        sizes[dim] = shape[dim]
        for operand in range(len(operands)):
            own_shape, own_strides = operands[operand]
            own_dim = dim - len(shape) + len(own_shape)
            # A dimension that is broadcast has a stride of 0.
            if own_dim >= 0 and own_shape[own_dim] != 1:
                strides[operand * width + dim] = own_strides[own_dim]
    dims = max(1, merge(sizes, strides))
    return sizes[:dims], strides.reshape((len(operands), width))[:, :dims]


@helper
def positions(sizes: Integers, strides: Integers) -> Integers:
    """Return the position of every index, in row-major order, in every operand.

    Shape:
        (dims,), (operands, dims) → (operands, product of the sizes).
    """
    total = 1
    for size in sizes:
        total *= size
    result = np.zeros((len(strides), total), np.int64)
    if total == 0:
        return result
    for operand in range(len(strides)):
        # Each dimension repeats the positions so far. Going backwards reads every position before
        # it is overwritten.
        filled = 1
        for dim in range(len(sizes)):
            for i in range(filled - 1, -1, -1):
                for k in range(sizes[dim] - 1, -1, -1):
                    start = result[operand, i] + k * strides[operand, dim]
                    result[operand, i * sizes[dim] + k] = start
            filled *= sizes[dim]
    return result
