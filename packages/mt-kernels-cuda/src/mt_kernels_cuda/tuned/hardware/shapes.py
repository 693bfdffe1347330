"""The numbers of threads and blocks of launches of the tuned kernels."""

from typing import Any

import numba
from numba import cuda

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import Kernel
from mt_kernels_cuda.launching import blocks_for

THREADS = 4 if SIMULATED else 256
"""Threads of a block, a power of two; reductions are wrong otherwise."""

SIMULATED_BLOCKS = 2
"""Number of blocks that the simulator is assumed to run at once; few, so that tests cover threads
that loop several times."""


def blocks_at_once(kernel: Kernel, threads: int, arguments: list[Any]) -> int:
    """Return the number of blocks of a kernel that the device runs at the same time.

    It follows from registers and shared memory of a block (see *occupancy*). Further blocks would
    wait until others end, and starting each takes time.

    Args:
        kernel: The kernel; it is compiled for the types of the arguments if necessary.
        threads: The threads of a block.
        arguments: Arguments with the types of the launch.
    """
    if SIMULATED:
        return SIMULATED_BLOCKS
    compiled: Any = kernel
    typeof: Any = numba.typeof
    signature = tuple(typeof(argument) for argument in arguments)
    if signature not in compiled.overloads:
        compiled.compile(signature)
    # The driver computes the number from the resources of the compiled kernel.
    blocks: int = compiled.overloads[signature].max_cooperative_grid_blocks(threads)
    return max(1, blocks)


def processors() -> int:
    """Return the number of multiprocessors of the device."""
    if SIMULATED:
        return SIMULATED_BLOCKS
    return int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def parts_for(blocks: int, length: int, least: int, most: int) -> int:
    """Return the number of parts into which each sum is split to occupy the whole device.

    Args:
        blocks: The number of blocks without splitting.
        length: The number of terms of a sum.
        least: The least number of terms of a part.
        most: The number of blocks that occupy the device.
    """
    return max(1, min(blocks_for(length, least), most // max(1, blocks)))
