"""Reduction of one value per thread of a block, and of many values by one thread.

A block of eight threads in three steps; each arrow adds the number on its right::

    0 1 2 3 4 5 6 7        shared memory
    0 1 2 3  ← 4 5 6 7
    0 1  ← 2 3
    0  ← 1                 the result, which all threads read
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import device_function

RUN = 16
"""Numbers that are added one after another, before their sum is added to other such sums."""


@lru_cache
def sum_in_runs(dtype: np.dtype[Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the device functions of a sum of many numbers by one thread.

    A sum in single precision stalls if its terms are added one after another. Here `RUN` terms are
    added to a run, `RUN` runs to a longer one, and so on: four sums, which registers hold.

    Returns:
        ``push(sums, count, value)``, which returns the sums after another term, where `count` terms
        were added before; and ``total(sums)``, which returns the whole. Begin with four zeros.
    """
    zero = dtype.type(0)

    @device_function
    def push(sums: Any, count: int, value: Any) -> Any:
        a, b, c, d = sums
        a += value
        if (count + 1) % RUN == 0:
            a, b = zero, b + a
            if (count + 1) % RUN**2 == 0:
                b, c = zero, c + b
                if (count + 1) % RUN**3 == 0:
                    c, d = zero, d + c
        return a, b, c, d

    @device_function
    def total(sums: Any) -> Any:
        a, b, c, d = sums
        return (a + b) + (c + d)

    return push, total


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
