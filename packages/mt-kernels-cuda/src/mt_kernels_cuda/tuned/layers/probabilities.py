"""Softmax and its logarithm along the last dimension, with one block per row.

A row of ten scores and a block of four threads 0 … 3::

    scores   x0 x1 x2 x3 x4 x5 x6 x7 x8 x9
    thread    0  1  2  3  0  1  2  3  0  1   → maximum of the block → sum of powers → quotients
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import Kernel, device_function, kernel
from mt_kernels_cuda.launching import Launch
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.operations.folding import block_fold
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.fused.arguments import is_along_rows
from mt_tensor.layout import Storage

ROW_THREADS = min(THREADS, 64)
"""Threads of a block, a power of two; few, because rows of classes are short."""


class _AlongRows(FusedForm[Device], ABC):
    """Base class of functions of rows whose gradient is computed from the result."""

    @staticmethod
    @abstractmethod
    def kernels(dtype: np.dtype[Any]) -> tuple[Kernel, Kernel]:
        """Return ``forward(out, x, columns)`` and ``backward(to, out, g, columns)``."""

    @classmethod
    def forward(cls, backend: Device, needs_grad: Any, input: TensorData, dim: int) -> Any:
        """Return the result, also as the saved value; None for dimensions other than the last."""
        if not is_along_rows(input, dim):
            return None
        out, columns = backend.empty(input.shape), input.shape[-1]
        forward, _ = cls.kernels(backend.dtype)
        arguments = (out.storage, backend.contiguous(input).storage, columns)
        backend.run(Launch(forward, input.size // columns, ROW_THREADS, arguments))
        return out, out

    @classmethod
    def backward(cls, backend: Device, saved: TensorData, grad: TensorData) -> Gradients:
        """Return the gradient of the input."""
        to, columns = backend.empty(saved.shape), saved.shape[-1]
        _, backward = cls.kernels(backend.dtype)
        arguments = (to.storage, saved.storage, backend.contiguous(grad).storage, columns)
        backend.run(Launch(backward, saved.size // columns, ROW_THREADS, arguments))
        return (to,)


class Softmax(_AlongRows):
    r"""$p_i = e^{x_i - m} / s$; $\bar x_i = p_i (\bar p_i - \sum_j \bar p_j p_j)$."""

    @staticmethod
    def kernels(dtype: np.dtype[Any]) -> tuple[Kernel, Kernel]:
        """Return the kernels of forward and backward pass."""
        return softmax_rows(dtype, ROW_THREADS), softmax_rows_back(dtype, ROW_THREADS)


class LogSoftmax(_AlongRows):
    r"""$l_i = (x_i - m) - \log s$; $\bar x_i = \bar l_i - e^{l_i} \sum_j \bar l_j$."""

    @staticmethod
    def kernels(dtype: np.dtype[Any]) -> tuple[Kernel, Kernel]:
        """Return the kernels of forward and backward pass."""
        return logsoftmax_rows(dtype, ROW_THREADS), logsoftmax_rows_back(dtype, ROW_THREADS)


def row_folds(threads: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the device functions ``maximum(shared, value)`` and ``total(shared, value)``."""
    return (
        block_fold(device_function(operators.max), threads),
        block_fold(device_function(operators.add), threads),
    )


def row_top(threads: int) -> Callable[..., Any]:
    """Return a device function ``top(shared, x, columns)``, the maximum of the block's row."""
    largest = device_function(operators.max)
    maximum, _ = row_folds(threads)

    @device_function
    def top_of_row(shared: Storage, x: Storage, columns: int) -> Any:
        start, thread = cuda.blockIdx.x * columns, cuda.threadIdx.x
        # Threads without an element repeat the first one, which does not change the maximum.
        top = x[start + (thread if thread < columns else 0)]
        for j in range(thread + threads, columns, threads):
            top = largest(top, x[start + j])
        return maximum(shared, top)

    return top_of_row


@lru_cache
def softmax_rows(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return the forward kernel ``kernel(out, x, columns)``."""
    number, top_of_row, (_, total) = dtype.type, row_top(threads), row_folds(threads)

    @kernel
    def softmax_forward(out: Storage, x: Storage, columns: int) -> None:
        tops, sums = cuda.shared.array(threads, dtype), cuda.shared.array(threads, dtype)
        start, thread = cuda.blockIdx.x * columns, cuda.threadIdx.x
        top = top_of_row(tops, x, columns)
        partial = number(0)
        for j in range(thread, columns, threads):
            power = math.exp(x[start + j] - top)
            out[start + j] = power
            partial += power
        whole = total(sums, partial)
        for j in range(thread, columns, threads):
            out[start + j] = out[start + j] / whole

    return softmax_forward


@lru_cache
def softmax_rows_back(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return the backward kernel ``kernel(to, p, g, columns)``."""
    number, (_, total) = dtype.type, row_folds(threads)

    @kernel
    def softmax_backward(to: Storage, p: Storage, g: Storage, columns: int) -> None:
        sums = cuda.shared.array(threads, dtype)
        start, thread = cuda.blockIdx.x * columns, cuda.threadIdx.x
        partial = number(0)
        for j in range(thread, columns, threads):
            partial += g[start + j] * p[start + j]
        whole = total(sums, partial)
        for j in range(thread, columns, threads):
            to[start + j] = p[start + j] * (g[start + j] - whole)

    return softmax_backward


@lru_cache
def logsoftmax_rows(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return the forward kernel ``kernel(out, x, columns)``."""
    number, top_of_row, (_, total) = dtype.type, row_top(threads), row_folds(threads)

    @kernel
    def logsoftmax_forward(out: Storage, x: Storage, columns: int) -> None:
        tops, sums = cuda.shared.array(threads, dtype), cuda.shared.array(threads, dtype)
        start, thread = cuda.blockIdx.x * columns, cuda.threadIdx.x
        top = top_of_row(tops, x, columns)
        partial = number(0)
        for j in range(thread, columns, threads):
            partial += math.exp(x[start + j] - top)
        rest = number(math.log(total(sums, partial)))
        for j in range(thread, columns, threads):
            out[start + j] = (x[start + j] - top) - rest

    return logsoftmax_forward


@lru_cache
def logsoftmax_rows_back(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return the backward kernel ``kernel(to, log_p, g, columns)``."""
    number, (_, total) = dtype.type, row_folds(threads)

    @kernel
    def logsoftmax_backward(to: Storage, log_p: Storage, g: Storage, columns: int) -> None:
        sums = cuda.shared.array(threads, dtype)
        start, thread = cuda.blockIdx.x * columns, cuda.threadIdx.x
        partial = number(0)
        for j in range(thread, columns, threads):
            partial += g[start + j]
        whole = total(sums, partial)
        for j in range(thread, columns, threads):
            to[start + j] = g[start + j] - math.exp(log_p[start + j]) * whole

    return logsoftmax_backward
