"""Operations and kernels on the GPU, or in numba's simulator; see `mt_kernels_cuda`.

The import and ``TensorBackend(CudaOps)`` need no GPU; making a tensor needs one.
"""

import mt_autodiff
import mt_kernels_cuda
from minitorch._kernels import CUDA
from minitorch._ops import LibraryOps
from minitorch._tensor import TensorBackend
from mt_kernels_cuda import (
    THREADS_PER_BLOCK,
    tensor_map,
    tensor_matrix_multiply,
    tensor_reduce,
    tensor_zip,
)
from mt_tensor import TensorData


class CudaOps(LibraryOps):
    """The operations of the GPU backend, for `TensorBackend(CudaOps)`."""

    cuda = True
    kernels = CUDA


GPU = TensorBackend(CudaOps)


def sum_practice(a: mt_autodiff.Tensor) -> TensorData:
    """Sum each block of `THREADS_PER_BLOCK` numbers of a vector on the GPU.

    Returns:
        One sum for each block of numbers, and at least two sums.

    Shape:
        (n,) → (max(2, ceil(n / THREADS_PER_BLOCK)),).
    """
    return mt_kernels_cuda.sum_practice(a.to(GPU).data)


def mm_practice(a: mt_autodiff.Tensor, b: mt_autodiff.Tensor) -> TensorData:
    """Multiply two square matrices of at most `THREADS_PER_BLOCK` rows on the GPU.

    Shape:
        (n, n), (n, n) → (n, n).
    """
    return mt_kernels_cuda.mm_practice(a.to(GPU).data, b.to(GPU).data)


__all__ = [
    "THREADS_PER_BLOCK",
    "CudaOps",
    "mm_practice",
    "sum_practice",
    "tensor_map",
    "tensor_matrix_multiply",
    "tensor_reduce",
    "tensor_zip",
]
