"""Vectors of four numbers (CUDA's ``float4``), the widest memory access of a thread.

Kernels that compute little are limited by memory, and a load of 16 bytes moves four times as much
as one of 4. `load4` and `store4` require an address that is a multiple of 16 bytes, which the
compiler cannot check. For global memory, the code that launches a kernel checks it with `aligned`;
in shared memory, `align_shared` ensures it.
"""

from collections.abc import Callable
from typing import Any

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import device_function
from mt_kernels_cuda.tuned.hardware import vec4_instructions
from mt_tensor.layout import Storage

VEC4 = 4
"""Number of elements of a vector, fixed by the instructions of `load4` and `store4`."""

ALIGNMENT = 16
"""Bytes of a vector of four floats. A vector access to an address that is no multiple fails."""

Four = tuple[float, float, float, float]


def aligned(*storages: Any) -> bool:
    """Return True if all arrays have 4-byte elements and begin at a multiple of `ALIGNMENT`."""
    return all(address(each) % ALIGNMENT == 0 and each.dtype.itemsize == 4 for each in storages)


def address(storage: Any) -> int:
    """Return the address of an array in device or host memory."""
    interface = getattr(storage, "__cuda_array_interface__", None) or storage.__array_interface__
    return int(interface["data"][0])


def vec4_aligned(storage: Any, *steps: int) -> bool:
    """Return True if an array is aligned at every sum of multiples of the steps (in elements)."""
    return all(step % VEC4 == 0 for step in steps) and aligned(storage)


def _load4(array: Storage, position: int) -> Four:
    return array[position], array[position + 1], array[position + 2], array[position + 3]


def _store4(array: Storage, position: int, numbers: Four) -> None:
    for k in range(VEC4):
        array[position + k] = numbers[k]


def _align_shared(array: Storage) -> None:
    """Do nothing; the simulator needs no alignment."""


# The simulator has no vector instructions.
load4: Callable[[Storage, int], Four] = (
    device_function(_load4) if SIMULATED else vec4_instructions.load4
)
"""Device function ``load4(array, position)``, which returns four elements."""

store4: Callable[[Storage, int, Four], None] = (
    device_function(_store4) if SIMULATED else vec4_instructions.store4
)
"""Device function ``store4(array, position, numbers)``, which writes four elements."""

align_shared: Callable[[Storage], None] = (
    device_function(_align_shared) if SIMULATED else vec4_instructions.align_shared
)
"""Device function ``align_shared(array)``, which aligns this shared array and all before it."""
