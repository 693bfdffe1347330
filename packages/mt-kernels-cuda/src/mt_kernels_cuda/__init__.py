"""Kernels of tensor arithmetic for NVIDIA GPUs, written in Python and compiled by numba.

Importing the package needs no GPU. Using `Cuda` needs one, or numba's simulator: with
``NUMBA_ENABLE_CUDASIM=1`` in the environment before Python starts, the same kernels run slowly on
the processor. ``python -m mt_kernels_cuda`` prints what is missing.

Start reading with `mt_kernels_cuda.practice`, then `elementwise`, `reduction`, `matrix_multiply`
and `convolution`; `Cuda` launches all of them. `TunedCuda` is the backend for fast training.
"""

from mt_kernels_cuda.backend import Cuda
from mt_kernels_cuda.convolution import tensor_conv1d, tensor_conv2d
from mt_kernels_cuda.elementwise import tensor_map, tensor_zip
from mt_kernels_cuda.gpu import (
    SIMULATED,
    GPUNotAvailableError,
    diagnosis,
    is_usable,
    require_gpu,
)
from mt_kernels_cuda.jit import Kernel, device_function
from mt_kernels_cuda.launching import BLOCK, TILE, KernelError, Launch
from mt_kernels_cuda.matrix_multiply import tensor_matrix_multiply
from mt_kernels_cuda.practice import THREADS_PER_BLOCK, mm_practice, sum_practice
from mt_kernels_cuda.reduction import tensor_reduce
from mt_kernels_cuda.tuned import TunedCuda

__version__ = "0.1.0"

__all__ = [
    "BLOCK",
    "SIMULATED",
    "THREADS_PER_BLOCK",
    "TILE",
    "Cuda",
    "GPUNotAvailableError",
    "Kernel",
    "KernelError",
    "Launch",
    "TunedCuda",
    "device_function",
    "diagnosis",
    "is_usable",
    "mm_practice",
    "require_gpu",
    "sum_practice",
    "tensor_conv1d",
    "tensor_conv2d",
    "tensor_map",
    "tensor_matrix_multiply",
    "tensor_reduce",
    "tensor_zip",
]
