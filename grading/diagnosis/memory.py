"""Arrays as learners' loops see them: elements in memory, a shape, and strides in elements."""

from collections.abc import Sequence

import numpy as np

from grading.driver.arrays import positions
from grading.protocol.messages import Array


class OutsideMemoryError(IndexError):
    """A loop reads a position outside the memory of an array.

    Args:
        position: The position.
        size: The number of elements in memory.
    """

    def __init__(self, position: int, size: int) -> None:
        super().__init__(f"position {position} of {size}")


def in_memory_order(array: Array) -> Array:
    """Return the elements in memory order, as an array of shape (size,)."""
    return np.ascontiguousarray(array.transpose(order_in_memory(array))).reshape(-1)


def order_in_memory(array: Array) -> list[int]:
    """Return the dimensions, from the largest to the smallest stride."""
    return sorted(range(array.ndim), key=lambda dim: -array.strides[dim])


def strides(array: Array) -> list[int]:
    """Return the strides of an array without gaps, in elements."""
    steps, step = [0] * array.ndim, 1
    for dim in reversed(order_in_memory(array)):
        steps[dim] = step
        step *= max(1, array.shape[dim])
    return steps


def without_strides(array: Array) -> Array:
    """Return the array that a loop reads if it assumes contiguous memory; the shape is the same."""
    return in_memory_order(array).reshape(array.shape)


def position_of(index: Sequence[int], steps: Sequence[int]) -> int:
    """Return the position in memory of an index by strides in elements."""
    # `index_to_position` stops at the shorter of the two, too.
    return sum(i * step for i, step in zip(index, steps, strict=False))


def read(array: Array, index: Sequence[int], steps: Sequence[int] | None = None) -> float:
    """Return the element at an index.

    Args:
        array: The array to read.
        index: An index, which may have more items than the array has dimensions.
        steps: Strides in elements, which may be wrong; None for those of the array.

    Raises:
        OutsideMemoryError: The position lies outside the memory.
    """
    steps = strides(array) if steps is None else steps
    position = position_of(index, steps)
    memory = in_memory_order(array)
    if not 0 <= position < len(memory):
        raise OutsideMemoryError(position, len(memory))
    return float(memory[position])


def contiguous_strides(shape: Sequence[int]) -> list[int]:
    """Return the strides of a row-major tensor, in elements."""
    steps = [1] * len(shape)
    for dim in range(len(shape) - 2, -1, -1):
        steps[dim] = steps[dim + 1] * shape[dim + 1]
    return steps


def paired(index: Sequence[int], shape: Sequence[int]) -> list[int]:
    """Return the index of an operand that broadcasting assigns to an index of the result."""
    lead = len(index) - len(shape)
    return [0 if n == 1 else i for i, n in zip(index[lead:], shape, strict=True)]


def from_memory(memory: Array, shape: Sequence[int], steps: Sequence[int]) -> Array:
    """Return the array of a memory, a shape and strides in elements.

    Raises:
        IndexError: An element lies outside the memory.
    """
    found: Array = memory[positions(shape, steps)]
    return found


def exchanged_strides(array: Array, first: int = -2, second: int = -1) -> Array:
    """Return the array that a loop reads if the strides of two dimensions are exchanged.

    Raises:
        IndexError: An element lies outside the memory.
    """
    memory, steps = in_memory_order(array), strides(array)
    steps[first], steps[second] = steps[second], steps[first]
    return from_memory(memory, array.shape, steps)
