"""Reduction of one value per thread of a block, and of many values by one thread."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import device_function

LEVELS = 40
"""Elements of the array of a sum by pairs, which has at most 2**39 terms."""


@lru_cache
def sum_by_pairs(dtype: np.dtype[Any]) -> tuple[Callable[..., None], Callable[..., Any]]:
    """Return the device functions of a sum whose error grows with the logarithm of its terms.

    A sum in single precision stalls if its terms are added one after another. Here the element k of
    an array of length `LEVELS` is the sum of 2**k terms, and two sums of equally many terms are
    added (pairwise summation, N. Higham: The accuracy of floating point summation, 1993).

    Returns:
        ``push(sums, count, value)``, which adds a term after `count` others; and
        ``total(sums, count)``, which returns the sum of `count` terms.
    """
    zero = dtype.type(0)

    @device_function
    def push(sums: Any, count: int, value: Any) -> None:
        level = 0
        while count >> level & 1:
            value = sums[level] + value
            level += 1
        sums[level] = value

    @device_function
    def total(sums: Any, count: int) -> Any:
        result = zero
        for level in range(LEVELS):
            if count >> level & 1:
                result += sums[level]
        return result

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
