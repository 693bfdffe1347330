"""Vectors of four numbers (CUDA's ``float4``), the widest access to memory that a thread has.

Kernels that compute little are limited by memory, and a load of 16 bytes moves four times as much
as one of 4. The compiler does not know that an array begins at a multiple of 16 bytes; `load4` and
`store4` assume it. Code that launches kernels on global memory checks it with `aligned`; in shared
memory, `align_shared` ensures it.
"""

from collections.abc import Callable
from typing import Any

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import device_function
from mt_kernels_cuda.tuned.hardware import vec4_instructions
from mt_tensor.layout import Storage

VEC4 = 4
"""Numbers in a vector."""

ALIGNMENT = 16
"""Bytes of a vector of floats: its address must be a multiple of them."""

Four = tuple[float, float, float, float]


def aligned(*storages: Any) -> bool:
    """Return whether all arrays hold floats and begin at a multiple of `ALIGNMENT`."""
    return all(address(cells) % ALIGNMENT == 0 and cells.dtype.itemsize == 4 for cells in storages)


def address(storage: Any) -> int:
    """Return the address of an array, on the device or the host."""
    interface = getattr(storage, "__cuda_array_interface__", None) or storage.__array_interface__
    return int(interface["data"][0])


def vec4_aligned(storage: Any, *steps: int) -> bool:
    """Return whether an array is aligned, and stays so after any number of the steps."""
    return all(step % VEC4 == 0 for step in steps) and aligned(storage)


def _load4(array: Storage, position: int) -> Four:
    return array[position], array[position + 1], array[position + 2], array[position + 3]


def _store4(array: Storage, position: int, numbers: Four) -> None:
    for k in range(VEC4):
        array[position + k] = numbers[k]


def _align_shared(array: Storage) -> None:
    """Do nothing: in the simulator, there is no alignment."""


# The simulator has no such instructions.
load4: Callable[[Storage, int], Four] = (
    device_function(_load4) if SIMULATED else vec4_instructions.load4
)
"""``load4(array, position)`` returns four numbers of an array, from a position on."""

store4: Callable[[Storage, int, Four], None] = (
    device_function(_store4) if SIMULATED else vec4_instructions.store4
)
"""``store4(array, position, numbers)`` writes four numbers to an array from a position on."""

align_shared: Callable[[Storage], None] = (
    device_function(_align_shared) if SIMULATED else vec4_instructions.align_shared
)
"""``align_shared(array)`` aligns the shared arrays of a kernel, this one and those before it."""
