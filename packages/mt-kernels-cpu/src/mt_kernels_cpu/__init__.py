"""The loops of tensor arithmetic, compiled for the processor with numba.

`Fast` is the course's backend. The kernels that it runs can be called on their own, with storages,
shapes and strides. `Tuned` is the backend that trains fastest. Nothing here knows of gradients.

``python -m mt_kernels_cpu`` prints how numba made each kernel parallel, and with
``--first-call`` how long the first call of each takes, without and with kernels on disk.
"""

from mt_kernels_cpu.backend import Fast
from mt_kernels_cpu.compiling.jit import Kernel
from mt_kernels_cpu.diagnostics import parallel_check
from mt_kernels_cpu.fast_conv import tensor_conv1d, tensor_conv2d
from mt_kernels_cpu.fast_ops import (
    tensor_map,
    tensor_matrix_multiply,
    tensor_reduce,
    tensor_zip,
)
from mt_kernels_cpu.tuned import Tuned

__all__ = [
    "Fast",
    "Kernel",
    "Tuned",
    "parallel_check",
    "tensor_conv1d",
    "tensor_conv2d",
    "tensor_map",
    "tensor_matrix_multiply",
    "tensor_reduce",
    "tensor_zip",
]
