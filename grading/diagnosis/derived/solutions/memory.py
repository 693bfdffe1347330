"""Memory, shapes and strides of arrays, as the kernels of right solutions get them."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from grading.diagnosis.memory import from_memory, in_memory_order, strides
from grading.diagnosis.mistakes import UNPREDICTED
from grading.protocol.messages import Array, Request, Response

Memory: TypeAlias = list[float]
Shape: TypeAlias = list[int]
Strides: TypeAlias = list[int]


class Size(int):
    """A size of a shape; a division by 0 returns 0, as NumPy's does."""

    def __mod__(self, other: int) -> int:
        return int(self).__mod__(int(other)) if other else 0

    def __rmod__(self, other: int) -> int:
        return int(other).__mod__(int(self)) if self else 0

    def __floordiv__(self, other: int) -> int:
        return int(self).__floordiv__(int(other)) if other else 0

    def __rfloordiv__(self, other: int) -> int:
        return int(other).__floordiv__(int(self)) if self else 0


def unwritten(shape: Sequence[int]) -> Array:
    """Return an output whose elements are not predicted unless a kernel writes them."""
    return np.full(shape, UNPREDICTED)


def parts(array: Array) -> tuple[Memory, Shape, Strides]:
    """Return the memory, the shape and the strides of an array."""
    return in_memory_order(array).tolist(), [Size(n) for n in array.shape], strides(array)


def written(kernel: Callable[..., None], out: Array, *operands: Array) -> Array:
    """Return an output after a kernel has written it.

    Args:
        kernel: Gets the memory, the shape and the strides of the output, then of each operand.
        out: The output before the call.
        operands: The operands.
    """
    return after(kernel, out, *operands)[0]


def after(kernel: Callable[..., None], *arrays: Array) -> tuple[Array, ...]:
    """Return an output and its operands after a kernel has run.

    Args:
        kernel: As in `written`.
        *arrays: The output before the call, then the operands.
    """
    memories = [parts(array) for array in arrays]
    kernel(*(part for memory in memories for part in memory))
    return tuple(from_memory(np.array(memory), shape, steps) for memory, shape, steps in memories)


def run(kernel: Callable[..., None], request: Request) -> Response:
    """Return the response of a kernel to the operation "kernel.run".

    The elements beside the output, which come second in the response, are not predicted.
    """
    out, *operands = after(kernel, *request.arrays)
    return Response(request, (out, np.empty(0), *operands))
