"""The kernel of reduce, with one block for each element of the result.

A row of ten elements and a block of four threads, with the elements that each thread folds::

    elements   a0 a1 a2 a3 a4 a5 a6 a7 a8 a9
    thread      0  1  2  3  0  1  2  3  0  1   →  0 + 2, 1 + 3  →  0 + 1  →  out

A block reduces a dimension of any length in two phases. First, each thread folds every `threads`-th
element in a register. Then the results of the threads are folded in shared memory by halves (a tree
reduction): with eight threads, thread 0 folds the results of 0 and 4, thread 1 those of 1 and 5,
and so on; then thread 0 those of 0 and 2, and finally those of 0 and 1. Both phases compute in
double precision: a sum in single precision stalls.
"""

from collections.abc import Callable

import numpy as np
from numba import cuda

from mt_kernels_cuda.indexing import position_of
from mt_kernels_cuda.jit import Kernel, device_function, kernel, once_per_formula
from mt_kernels_cuda.launching import BLOCK
from mt_tensor.layout import Shape, Storage, Strides

MIN_BLOCK = 2 if BLOCK < 32 else 32
"""Least number of threads of a block. A GPU runs 32 threads (a warp) at a time, so that fewer save
nothing."""


@once_per_formula
def tensor_reduce(fn: Callable[[float, float], float]) -> Kernel:
    """Return a kernel that folds one dimension of `a` into `out`.

    Launch it with `out_size` blocks. The number of threads is a power of two, at most `BLOCK`.

    Args:
        fn: A scalar function, compiled or not, that may be folded in any order.

    Returns:
        ``kernel(out, out_shape, out_strides, out_size, a, a_shape, a_strides, reduce_dim,
        reduce_value)``, where `reduce_value` is the initial value.
    """
    fn = device_function(fn)

    @kernel
    def reduce_kernel(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        out_size: int,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
        reduce_dim: int,
        reduce_value: float,
    ) -> None:
        results = cuda.shared.array(BLOCK, np.float64)
        thread = cuda.threadIdx.x
        threads = cuda.blockDim.x
        length = a_shape[reduce_dim]
        step = a_strides[reduce_dim]
        # The reduced dimension has size 1 in out_shape, so this is its first element in `a`.
        first = position_of(cuda.blockIdx.x, out_shape, out_shape, a_strides)

        if thread < length:
            result: float = np.float64(a[first + thread * step])
            for i in range(thread + threads, length, threads):
                result = fn(result, a[first + i * step])
            results[thread] = result
        cuda.syncthreads()

        half = threads // 2
        while half > 0:
            # In a short dimension, some threads have no number.
            if thread < half and thread + half < length:
                results[thread] = fn(results[thread], results[thread + half])
            cuda.syncthreads()
            half = half // 2

        if thread == 0:
            position = position_of(cuda.blockIdx.x, out_shape, out_shape, out_strides)
            out[position] = fn(reduce_value, results[0]) if length > 0 else reduce_value

    return reduce_kernel


def threads_for(length: int) -> int:
    """Return the number of threads for a dimension: a power of two, at most `BLOCK`."""
    threads = MIN_BLOCK
    while threads < min(length, BLOCK):
        threads *= 2
    return threads
