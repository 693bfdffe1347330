"""Folds the numbers of the threads of a block into one."""

from collections.abc import Callable
from typing import Any

from numba import cuda

from mt_kernels_cuda.jit import device_function


def block_fold(fn: Callable[..., Any], threads: int) -> Callable[..., Any]:
    """Return a device function ``fold(cells, value)``: all threads' values in one, for each thread.

    Args:
        fn: A compiled function of two numbers that may be folded in any order.
        threads: The threads of a block, a power of two.

    Returns:
        A function that all threads of a block call together, with an array in shared memory that
        has one element for each thread and that the kernel does not use afterwards.
    """

    @device_function
    def fold(cells: Any, value: Any) -> Any:
        thread = cuda.threadIdx.x
        cells[thread] = value
        cuda.syncthreads()
        half = threads // 2
        while half > 0:
            if thread < half:
                cells[thread] = fn(cells[thread], cells[thread + half])
            cuda.syncthreads()
            half = half // 2
        return cells[0]

    return fold
