"""The backend of the compiled kernels."""

import math
from typing import Any, ClassVar

from mt_kernels_cpu.compiling.jit import Kernel
from mt_kernels_cpu.fast_conv import tensor_conv1d, tensor_conv2d
from mt_kernels_cpu.fast_ops import (
    tensor_map,
    tensor_matrix_multiply,
    tensor_reduce,
    tensor_zip,
)
from mt_tensor import HostBackend, Map, ShapeError, TensorData, Zip


class Fast(HostBackend):
    """Backend of strided loops compiled with numba, parallel for large tensors.

    Attributes:
        parallel_from: Inner steps from which on all threads are used; a smaller value slows small
            tensors. One thread does 2**17 in about 0.1 ms, and starting the others takes 0.01 to
            0.05 ms. The parallel form of a kernel takes one or two seconds more to compile.

    >>> import numpy as np
    >>> from mt_tensor import operators
    >>> backend = Fast(np.float32)
    >>> a = backend.from_numpy(np.array([1.0, 2.0]))
    >>> backend.to_numpy(backend.map(operators.neg, a)).tolist()
    [-1.0, -2.0]
    """

    name = "fast"
    parallel_from: ClassVar[float] = 2**17

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self._run(tensor_map(fn), out.size, *out.tuple(), *a.tuple())

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self._run(tensor_zip(fn), out.size, *out.tuple(), *a.tuple(), *b.tuple())

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        self._run(tensor_reduce(fn), a.size, *out.tuple(), *a.tuple(), dim)

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        steps = out.size * a.shape[-1]
        self._run(tensor_matrix_multiply, steps, *out.tuple(), *a.tuple(), *b.tuple())

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        if out.dims > 4:
            raise ShapeError(
                f"conv{out.dims - 2}d: input {input.shape} has {out.dims - 2} spatial dimensions, "
                "and the compiled kernels allow one or two; use `mt_tensor.Reference` for any "
                "number of dimensions"
            )
        kernel = tensor_conv1d if out.dims == 3 else tensor_conv2d
        steps = out.size * math.prod(weight.shape[1:])
        args = (*out.tuple(), out.size, *input.tuple(), *weight.tuple(), reverse)
        self._run(kernel, steps, *args)

    def _run(self, kernel: Kernel, steps: int, *args: Any) -> None:
        """Run a kernel, on all threads if there are at least `parallel_from` steps."""
        if steps < self.parallel_from:
            kernel.serial(*args)
        else:
            kernel(*args)
