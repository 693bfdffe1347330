"""Average and maximum pooling of images.

All channels of all images are one tall image. Windows of 2 × 3; thread t computes window t::

    0 0 0  1 1 1  2 2 2        backward: one thread for each element reads
    0 0 0  1 1 1  2 2 2        the gradient of its window
    3 3 3  4 4 4  5 5 5
    3 3 3  4 4 4  5 5 5
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import Kernel, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.integers import divmod
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.fused.arguments import pooled_shape, pooling_window
from mt_tensor.layout import Storage

Pair = tuple[int, int]


class AvgPool2d(FusedForm[Device]):
    """The mean of every window; the gradient is divided equally among its elements."""

    @staticmethod
    def forward(
        backend: Device, needs_grad: tuple[bool, ...], input: TensorData, kernel: Any
    ) -> tuple[TensorData, tuple[tuple[int, ...], Pair]] | None:
        """Return output and saved values, or None; see `mt_nn.avgpool2d`."""
        window = pooling_window(input, kernel)
        if window is None:
            return None
        out = backend.empty(pooled_shape(input.shape, window))
        values = backend.contiguous(input).storage
        arguments = (out.storage, values, out.size, out.shape[3], *window)
        _run(backend, pool_mean(backend.dtype), out.size, arguments)
        return out, (input.shape, window)

    @staticmethod
    def backward(
        backend: Device, saved: tuple[tuple[int, ...], Pair], grad: TensorData
    ) -> Gradients:
        """Return the gradient of the input."""
        shape, window = saved
        to, values = backend.empty(shape), backend.contiguous(grad).storage
        arguments = (to.storage, values, to.size, grad.shape[3], *window)
        _run(backend, spread_mean(backend.dtype), to.size, arguments)
        return (to,)


class MaxPool2d(FusedForm[Device]):
    """The maximum of every window; the gradient goes to its first position."""

    @staticmethod
    def forward(
        backend: Device, needs_grad: tuple[bool, ...], input: TensorData, kernel: Any
    ) -> tuple[TensorData, tuple[tuple[int, ...], Pair, Storage]] | None:
        """Return output and saved values, or None; see `mt_nn.maxpool2d`."""
        window = pooling_window(input, kernel)
        if window is None:
            return None
        out = backend.empty(pooled_shape(input.shape, window))
        values = backend.contiguous(input).storage
        argmax = backend.allocate(out.size, np.int32)
        arguments = (out.storage, argmax, values, out.size, out.shape[3], *window)
        _run(backend, pool_maximum, out.size, arguments)
        return out, (input.shape, window, argmax)

    @staticmethod
    def backward(
        backend: Device, saved: tuple[tuple[int, ...], Pair, Storage], grad: TensorData
    ) -> Gradients:
        """Return the gradient of the input."""
        shape, window, argmax = saved
        to, values = backend.empty(shape), backend.contiguous(grad).storage
        arguments = (to.storage, values, argmax, to.size, grad.shape[3], *window)
        _run(backend, spread_to_maximum(backend.dtype), to.size, arguments)
        return (to,)


def _run(backend: Device, made: Kernel, size: int, arguments: tuple[Any, ...]) -> None:
    """Launch a kernel with one thread for each of `size` elements."""
    backend.run(Launch(made, blocks_for(size, THREADS), THREADS, arguments))


@lru_cache
def pool_mean(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(out, x, size, columns, height, width)``, one thread per window.

    Windows cover each channel of each image completely. So all channels are processed as one tall
    image.
    """
    number = dtype.type

    @kernel
    def pool_average(
        out: Storage, x: Storage, size: int, columns: int, height: int, width: int
    ) -> None:
        i = cuda.grid(1)
        if i < size:
            across = columns * width
            line, column = divmod(i, columns)
            start = line * height * across + column * width
            total = number(0)
            for k in range(height):
                # A sum for each row is more exact than one for the window.
                row_total = number(0)
                for m in range(width):
                    row_total += x[start + k * across + m]
                total += row_total
            out[i] = total / number(height * width)

    return pool_average


@lru_cache
def spread_mean(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(to, g, size, columns, height, width)``, one thread per element."""
    number = dtype.type

    @kernel
    def spread_average(
        to: Storage, g: Storage, size: int, columns: int, height: int, width: int
    ) -> None:
        i = cuda.grid(1)
        if i < size:
            across = columns * width
            line, column = divmod(i, across)
            window = divmod(line, height)[0] * columns + divmod(column, width)[0]
            to[i] = g[window] / number(height * width)

    return spread_average


@kernel
def pool_maximum(
    out: Storage,
    argmax: Storage,
    x: Storage,
    size: int,
    columns: int,
    height: int,
    width: int,
) -> None:
    """Write the maximum of each window and its row-major index in the window."""
    i = cuda.grid(1)
    if i < size:
        across = columns * width
        line, column = divmod(i, columns)
        start = line * height * across + column * width
        best, best_at = x[start], 0
        for k in range(height):
            for m in range(width):
                value = x[start + k * across + m]
                # NaN counts as larger than every number; the first maximum is kept.
                if value > best or (value != value and best == best):
                    best, best_at = value, k * width + m
        out[i] = best
        argmax[i] = best_at


@lru_cache
def spread_to_maximum(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(to, g, argmax, size, columns, height, width)``, one thread per element."""
    zero = dtype.type(0)

    @kernel
    def spread_maximum(
        to: Storage,
        g: Storage,
        argmax: Storage,
        size: int,
        columns: int,
        height: int,
        width: int,
    ) -> None:
        i = cuda.grid(1)
        if i < size:
            across = columns * width
            line, column = divmod(i, across)
            (row, down), (window_column, right) = divmod(line, height), divmod(column, width)
            window = row * columns + window_column
            to[i] = g[window] if argmax[window] == down * width + right else zero

    return spread_maximum
