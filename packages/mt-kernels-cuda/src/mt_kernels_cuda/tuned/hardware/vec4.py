"""Four numbers at a time: the widest piece of memory that a thread can fetch at once.

Where numbers are only moved and little is computed, a GPU is as fast as its memory is kept busy,
and a fetch of 16 bytes keeps it four times as busy as one of 4. The compiler cannot know that an
array begins at a multiple of 16 bytes, so kernels say it, in these two functions; who launches them
asks `aligned` before. In shared memory they need not ask: `at_quads` lets arrays begin there.
"""

from collections.abc import Callable
from typing import Any

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import device_function
from mt_kernels_cuda.tuned.hardware import vec4_instructions
from mt_tensor.layout import Storage

QUAD = 4
"""Numbers in a piece."""

BYTES = 16
"""What the address of a piece of floats must be a multiple of."""

Four = tuple[float, float, float, float]


def aligned(*storages: Any) -> bool:
    """Return whether arrays of floats, on the device or the host, begin where pieces may begin."""
    return all(address(cells) % BYTES == 0 and cells.dtype.itemsize == 4 for cells in storages)


def address(storage: Any) -> int:
    """Return where an array begins in memory."""
    interface = getattr(storage, "__cuda_array_interface__", None) or storage.__array_interface__
    return int(interface["data"][0])


def in_quads(storage: Any, *steps: int) -> bool:
    """Return whether memory that begins anew after so many numbers is made of whole pieces."""
    return all(step % QUAD == 0 for step in steps) and aligned(storage)


def _load4(array: Storage, position: int) -> Four:
    return array[position], array[position + 1], array[position + 2], array[position + 3]


def _store4(array: Storage, position: int, numbers: Four) -> None:
    for k in range(QUAD):
        array[position + k] = numbers[k]


def _at_quads(array: Storage) -> None:
    """Do nothing: in the simulator, there is no alignment."""


# The simulator has no such instructions.
load4: Callable[[Storage, int], Four] = (
    device_function(_load4) if SIMULATED else vec4_instructions.load4
)
"""``load4(array, position)`` returns the four numbers of an array from a position on."""

store4: Callable[[Storage, int, Four], None] = (
    device_function(_store4) if SIMULATED else vec4_instructions.store4
)
"""``store4(array, position, numbers)`` writes four numbers to an array from a position on."""

at_quads: Callable[[Storage], None] = (
    device_function(_at_quads) if SIMULATED else vec4_instructions.at_quads
)
"""``at_quads(array)`` lets the shared arrays of a kernel, this one and those before, begin where
pieces may begin."""
