"""Reduction of one value per thread of a block (tree reduction in shared memory)."""

from collections.abc import Callable
from typing import Any

from numba import cuda

from mt_kernels_cuda.jit import device_function


def block_fold(fn: Callable[..., Any], threads: int) -> Callable[..., Any]:
    """Return a device function ``fold(shared, value)`` that reduces one value per thread.

    Every thread of the block receives the result.

    Args:
        fn: An associative and commutative device function of two numbers.
        threads: The number of threads of a block, a power of two.

    Returns:
        A function that all threads of a block must call. `shared` is an array in shared memory with
        one element per thread; the kernel must not use the array after the
        call.
    """

    @device_function
    def fold(shared: Any, value: Any) -> Any:
        thread = cuda.threadIdx.x
        shared[thread] = value
        cuda.syncthreads()
        half = threads // 2
        while half > 0:
            if thread < half:
                shared[thread] = fn(shared[thread], shared[thread + half])
            cuda.syncthreads()
            half = half // 2
        return shared[0]

    return fold
