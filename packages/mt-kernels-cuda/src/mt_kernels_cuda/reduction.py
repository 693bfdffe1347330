"""Reduce: one block for each element of the result, whatever the length of the dimension.

A block folds in two phases. First its threads share the numbers out among themselves, each thread
folding every `threads`-th one in a register. Then the threads' results are folded in shared memory
by halves: with eight threads, 0 takes in the result of 4, 1 that of 5 and so on, then 0 that of 2,
then 0 that of 1.
"""

from collections.abc import Callable

from numba import cuda

from mt_kernels_cuda.indexing import position_of
from mt_kernels_cuda.jit import Kernel, device_function, kernel, once_per_formula
from mt_kernels_cuda.launching import BLOCK
from mt_tensor.layout import Shape, Storage, Strides

SMALLEST_BLOCK = 2 if BLOCK < 32 else 32
"""Threads of a block, at least. A GPU runs 32 at a time, whether they are needed or not."""


@once_per_formula
def tensor_reduce(fn: Callable[[float, float], float]) -> Kernel:
    """Return a kernel that folds one dimension of `a` into `out`.

    Launch it with `out_size` blocks of a power of two threads, at most `BLOCK`.

    Args:
        fn: A scalar function, compiled or not, that may be folded in any order.

    Returns:
        ``kernel(out, out_shape, out_strides, out_size, a, a_shape, a_strides, reduce_dim,
        reduce_value)``, where folding begins with `reduce_value`.
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
        results = cuda.shared.array(BLOCK, out.dtype)
        thread = cuda.threadIdx.x
        threads = cuda.blockDim.x
        length = a_shape[reduce_dim]
        step = a_strides[reduce_dim]
        # The reduced dimension has size 1 in out_shape, so this is where it begins in `a`.
        first = position_of(cuda.blockIdx.x, out_shape, out_shape, a_strides)

        if thread < length:
            result = a[first + thread * step]
            for i in range(thread + threads, length, threads):
                result = fn(result, a[first + i * step])
            results[thread] = result
        cuda.syncthreads()

        half = threads // 2
        while half > 0:
            # Of a short dimension, not every thread has a number.
            if thread < half and thread + half < length:
                results[thread] = fn(results[thread], results[thread + half])
            cuda.syncthreads()
            half = half // 2

        if thread == 0:
            position = position_of(cuda.blockIdx.x, out_shape, out_shape, out_strides)
            out[position] = fn(reduce_value, results[0]) if length > 0 else reduce_value

    return reduce_kernel


def threads_for(length: int) -> int:
    """Return how many threads fold a dimension: a power of two that is not too large for it."""
    threads = SMALLEST_BLOCK
    while threads < min(length, BLOCK):
        threads *= 2
    return threads
