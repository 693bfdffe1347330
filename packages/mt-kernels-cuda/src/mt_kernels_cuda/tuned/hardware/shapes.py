"""The numbers of threads and blocks with which the tuned kernels are launched."""

from typing import Any

import numba
from numba import cuda

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import Kernel
from mt_kernels_cuda.launching import blocks_for

THREADS = 4 if SIMULATED else 256
"""Threads of a block, a power of two."""

SIMULATED_BLOCKS = 2
"""Blocks that the simulator is assumed to run at once: few, so that threads loop several times."""


def blocks_at_once(kernel: Kernel, threads: int, arguments: list[Any]) -> int:
    """Return the number of blocks of a kernel that the device runs at the same time.

    It follows from the registers and the shared memory of a block (the *occupancy*). More blocks
    would wait for others to finish, and each costs time to start.

    Args:
        kernel: The kernel; it is compiled for the arguments if it is not yet.
        threads: The threads of a block.
        arguments: Arguments of the types that it will be launched with.
    """
    if SIMULATED:
        return SIMULATED_BLOCKS
    compiled: Any = kernel
    typeof: Any = numba.typeof
    signature = tuple(typeof(argument) for argument in arguments)
    if signature not in compiled.overloads:
        compiled.compile(signature)
    # The driver knows what the compiled kernel needs.
    blocks: int = compiled.overloads[signature].max_cooperative_grid_blocks(threads)
    return max(1, blocks)


def processors() -> int:
    """Return the number of multiprocessors of the device."""
    if SIMULATED:
        return SIMULATED_BLOCKS
    return int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def parts_for(blocks: int, length: int, least: int, most: int) -> int:
    """Return the number of parts of each sum that gives blocks for the whole device.

    Args:
        blocks: The number of blocks if sums are not divided.
        length: The number of terms of a sum.
        least: The least number of terms of a part.
        most: The number of blocks that the device can use.
    """
    return max(1, min(blocks_for(length, least), most // max(1, blocks)))
