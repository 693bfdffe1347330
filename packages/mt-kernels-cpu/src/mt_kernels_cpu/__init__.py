"""Loops of tensor arithmetic, compiled for the CPU with numba.

`Fast` is the course's backend. Its kernels can also be called directly, with storages, shapes and
strides. `Tuned` is the backend that trains fastest. This package computes no gradients.

``python -m mt_kernels_cpu`` prints numba's diagnosis of each kernel's parallel loop. With
``--first-call`` it prints the time of each kernel's first call, without and with kernels on disk.
"""

from mt_kernels_cpu.backend import Fast
from mt_kernels_cpu.compiling.events import observe_kernels
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

__version__ = "0.1.0"

__all__ = [
    "Fast",
    "Kernel",
    "Tuned",
    "observe_kernels",
    "parallel_check",
    "tensor_conv1d",
    "tensor_conv2d",
    "tensor_map",
    "tensor_matrix_multiply",
    "tensor_reduce",
    "tensor_zip",
]
