"""Convolution, bias, ReLU and maximum over time, with a sparse backward pass.

For each sequence and kernel, only the position of the maximum has a gradient. So the backward pass
reads one window of the sequence, which is far less work than the gradient of a convolution.
A sequence of four positions, a kernel of three taps, and one zero before::

    position         -1    0    1    2    3
    sequence          0    a    b    c    d
    output                o0   o1   o2   o3      o2 is the maximum: its gradient goes to
    its window                  b    c    d      b, c, d, and to the three taps
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import Kernel, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.convolution.form import Call, Convolution
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.integers import divmod
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.layout import Storage

NO_ARGMAX = -1
"""Position stored for rows without a positive sum, which have no gradient; it is negative."""


class WindowSizes(NamedTuple):
    """Sizes of a convolution of sequences.

    Attributes:
        sequences: The number of sequences.
        channels: The number of channels.
        width: The length of a sequence.
        outputs: The number of output channels.
        taps: The width of a kernel.
        before: The number of zeros before a sequence.
    """

    sequences: int
    channels: int
    width: int
    outputs: int
    taps: int
    before: int


class MaxOverTime(FusedForm[Device]):
    """Maximum over all positions of a convolution of sequences, for a stride of 1.

    The backward pass skips products with zero. So an infinite or NaN input outside of the windows
    of the maxima does not change the gradient.
    """

    @staticmethod
    def forward(
        backend: Device,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData,
        bias: TensorData | None,
        before: tuple[int, ...],
        positions: tuple[int, ...],
        stride: tuple[int, ...],
    ) -> tuple[TensorData, tuple[Call, Storage]] | None:
        """Return maxima and saved values; see `mt_nn.functional.convolution.max_over_time`."""
        if input.dims != 3:
            return None
        answer = Convolution.forward(
            backend, needs_grad, input, weight, bias, before, positions, stride, relu=True
        )
        if answer is None:
            return None
        _, call = answer
        count, outputs, _, width = call.out.shape
        result = backend.empty((count, outputs, 1))
        argmax = backend.allocate(count * outputs, np.int32)
        arguments = (result.storage, argmax, call.out.storage, result.size, width)
        backend.run(Launch(max_of_rows, blocks_for(result.size, THREADS), THREADS, arguments))
        return result, (call, argmax)

    @staticmethod
    def backward(backend: Device, saved: tuple[Call, Storage], grad: TensorData) -> Gradients:
        """Return the gradients of input, kernels and bias, None for those that are not needed."""
        call, argmax = saved
        count, channels, _, width = call.input.shape
        outputs, _, _, taps = call.weight.shape
        sizes = WindowSizes(count, channels, width, outputs, taps, call.before[1])
        g = backend.contiguous(grad).storage
        grad_input = grad_weight = grad_bias = None
        if call.needs_grad[0]:
            grad_input = backend.empty((count, channels, width))
            kernels = backend.contiguous(call.weight).storage
            arguments = (grad_input.storage, kernels, g, argmax, grad_input.size, sizes)
            blocks = blocks_for(grad_input.size, THREADS)
            backend.run(Launch(windows_of_input(backend.dtype), blocks, THREADS, arguments))
        if any(call.needs_grad[1:]):
            grad_weight = backend.empty((outputs, channels, taps))
            grad_bias = backend.empty((outputs,))
            n, c, _, w = call.input.strides
            made = windows_of_kernels(backend.dtype)
            storages = (grad_weight.storage, grad_bias.storage, call.input.storage, g, argmax)
            backend.run(Launch(made, outputs, THREADS, (*storages, sizes, (n, c, w))))
        return (grad_input, grad_weight, grad_bias)[: len(call.needs_grad)]


@kernel
def max_of_rows(result: Storage, argmax: Storage, sums: Storage, size: int, width: int) -> None:
    """Write the maximum of each row and its first position, one thread per row.

    Shape:
        sums (rows, width), result (rows,), argmax (rows,).
    """
    row = cuda.grid(1)
    if row < size:
        best, position = sums[row * width], 0
        for p in range(1, width):
            value = sums[row * width + p]
            if value > best or (value != value and best == best):
                best, position = value, p
        result[row] = best
        argmax[row] = position if best > 0 else NO_ARGMAX


@lru_cache
def windows_of_kernels(dtype: np.dtype[Any]) -> Kernel:
    """Return the kernel of the gradients of weight and bias, with one block per output channel.

    ``kernel(to, to_bias, x, g, argmax, sizes, steps)``, where `steps` are the strides of x. It sums
    the windows of x at the maxima, times g.
    """
    zero = dtype.type(0)

    @kernel
    def add_windows(
        to: Storage,
        to_bias: Storage,
        x: Storage,
        g: Storage,
        argmax: Storage,
        sizes: WindowSizes,
        steps: tuple[int, int, int],
    ) -> None:
        count, channels, width, outputs, taps, before = sizes
        image_step, channel_step, column_step = steps
        o = cuda.blockIdx.x
        for i in range(cuda.threadIdx.x, channels * taps, cuda.blockDim.x):
            channel, tap = i // taps, i % taps
            total = zero
            for n in range(count):
                position = argmax[n * outputs + o]
                at = position + tap - before
                if position >= 0 and 0 <= at < width:
                    value = x[n * image_step + channel * channel_step + at * column_step]
                    total += g[n * outputs + o] * value
            to[o * channels * taps + i] = total
        if cuda.threadIdx.x == 0:
            total = zero
            for n in range(count):
                if argmax[n * outputs + o] >= 0:
                    total += g[n * outputs + o]
            to_bias[o] = total

    return add_windows


@lru_cache
def windows_of_input(dtype: np.dtype[Any]) -> Kernel:
    """Return the kernel of the gradient of the input, with one thread per element.

    ``kernel(to, weight, g, argmax, size, sizes)``; `size` is the number of elements. It sums the
    weights of all convolution kernels whose window at the maximum contains the element, times g.
    """
    zero = dtype.type(0)

    @kernel
    def spread_windows(
        to: Storage,
        weight: Storage,
        g: Storage,
        argmax: Storage,
        size: int,
        sizes: WindowSizes,
    ) -> None:
        _, channels, width, outputs, taps, before = sizes
        i = cuda.grid(1)
        if i < size:
            rest, at = divmod(i, width)
            n, channel = divmod(rest, channels)
            total = zero
            for o in range(outputs):
                position = argmax[n * outputs + o]
                tap = at - position + before
                if position >= 0 and 0 <= tap < taps:
                    total += g[n * outputs + o] * weight[(o * channels + channel) * taps + tap]
            to[i] = total

    return spread_windows
