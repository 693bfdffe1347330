"""How many threads and blocks the tuned kernels are launched with."""

from typing import Any

import numba
from numba import cuda

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import Kernel
from mt_kernels_cuda.launching import blocks_for

THREADS = 4 if SIMULATED else 256
"""Threads of a block, a power of two."""

SIMULATED_BLOCKS = 2
"""Blocks that the simulator is taken to run at once: few, so that a thread has several turns."""


def blocks_at_once(kernel: Kernel, threads: int, arguments: list[Any]) -> int:
    """Return how many blocks of a kernel the device runs at the same time.

    It follows from the registers and the shared memory that a block needs (the *occupancy*). More
    blocks would only wait for others to finish, each with the cost of a beginning.

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
    """Return how many multiprocessors the device has."""
    if SIMULATED:
        return SIMULATED_BLOCKS
    return int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def parts_for(blocks: int, length: int, least: int, most: int) -> int:
    """Return into how many parts to divide sums, so that there are blocks for the whole device.

    Args:
        blocks: How many blocks there are without dividing.
        length: How many terms a sum has.
        least: How many terms a part is worth.
        most: How many blocks there should be.
    """
    return max(1, min(blocks_for(length, least), most // max(1, blocks)))
