"""Convolution, bias and ReLU in one pass, with a backward pass of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.convolution import (
    Planes,
    as_images,
    as_sequences,
    finite,
    has_nan,
    ones,
    padded,
    slide_over,
    sum_products,
)
from mt_kernels_cpu.tuned.layouts import Pair
from mt_kernels_cpu.tuned.vectors import lanes
from mt_tensor import FusedForm, TensorData, host_array, operators
from mt_tensor.fusion import Gradients
from mt_tensor.layout import strides_from_shape

if TYPE_CHECKING:
    from mt_kernels_cpu.tuned.backend import Tuned


@dataclass(frozen=True, slots=True)
class Call:
    """What a call leaves for its gradients, sequences as images one row high.

    Attributes:
        planes: The input in planes.
        input: The input, (N, C, H, W).
        weight: The kernels, (O, C, KH, KW).
        before: How many rows and columns of zeros are before the input.
        out: What came out, (N, O, P, Q).
        relu: Whether negative sums became 0.
        needs_grad: For input, weight and bias, if there is one.
        dims: The dimensions of the input as it was given.
    """

    planes: Planes
    input: TensorData
    weight: TensorData
    before: Pair
    out: TensorData
    relu: bool
    needs_grad: tuple[bool, ...]
    dims: int


class Convolution(FusedForm):
    """Kernels that slide over planes, for a stride of 1 and rows of at least a vector."""

    @staticmethod
    def forward(
        backend: Tuned,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData,
        bias: TensorData | None,
        before: tuple[int, ...],
        positions: tuple[int, ...],
        stride: tuple[int, ...],
        relu: bool,
    ) -> tuple[TensorData, Call] | None:
        """Compute the layer's output; see `mt_nn.functional.convolution.convolve`."""
        call = convolve(backend, needs_grad, input, weight, bias, before, positions, stride, relu)
        if call is None:
            return None
        return (call.out if call.dims == 4 else as_sequences(call.out)), call

    @staticmethod
    def backward(backend: Tuned, saved: Call, grad: TensorData) -> Gradients:
        """Return the gradients of input, weight and bias, where they are needed."""
        if saved.dims == 3:
            grad = as_images(grad)
        weight, needs_grad = saved.weight, saved.needs_grad
        outputs, _, height, width = weight.shape
        image = (saved.input.shape[2], saved.input.shape[3])
        before = (height - 1 - saved.before[0], width - 1 - saved.before[1])
        mask = saved.out if saved.relu else None
        planes = padded(backend, grad, (height, width), image, before, reverse=True, mask=mask)
        by_input = by_weight = by_bias = None
        if needs_grad[0]:
            by_input = backend.empty(saved.input.shape)
            (o, c, *kernel), shape = weight.strides, (weight.shape[1], outputs, height, width)
            turned = TensorData.trusted(weight.storage, shape, (c, o, *kernel))
            slide_over(planes, turned, by_input)
        if needs_grad[1]:
            result = sum_products(backend, saved.planes, planes, outputs)
            if has_nan(result) and not saved.planes.layout.complete:
                by_weight = _exact_gradient_of_weight(backend, saved, grad)
            else:
                cells = result.reshape(-1)
                by_weight = TensorData.trusted(
                    cells, weight.shape, strides_from_shape(weight.shape)
                )
        if needs_grad[2:] == (True,):
            sums = _sums_of_channels(planes, outputs)
            by_bias = TensorData.trusted(sums, (outputs,), (1,))
        if saved.dims == 3:
            by_input = by_input and as_sequences(by_input)
            by_weight = by_weight and as_sequences(by_weight)
        return (by_input, by_weight, by_bias)[: len(needs_grad)]


def convolve(
    backend: Tuned,
    needs_grad: tuple[bool, ...],
    input: TensorData,
    weight: TensorData,
    bias: TensorData | None,
    before: tuple[int, ...],
    positions: tuple[int, ...],
    stride: tuple[int, ...],
    relu: bool,
) -> Call | None:
    """Compute a convolution, or decline.

    It declines strides, rows shorter than a vector, zeros before the input that no output would
    need, numbers that do not fit together, and weights that are infinite or NaN: these must not
    meet the zeros around the planes.
    """
    dims = len(input.shape)
    if dims == 3 and len(weight.shape) == 3 and len(positions) == 1 and len(before) == 1:
        input, weight = as_images(input), as_images(weight)
        before, positions = (0, *before), (1, *positions)
    if not (len(input.shape) == len(weight.shape) == 4 and len(positions) == len(before) == 2):
        return None
    kernel, size = (weight.shape[2], weight.shape[3]), (positions[0], positions[1])
    narrow = lanes(backend.dtype)
    if (
        any(step != 1 for step in stride)
        or input.shape[1] != weight.shape[1]
        or (bias is not None and bias.shape != weight.shape[:1])
        or 0 in (input.size, weight.size, size[0])
        or min(size[1], input.shape[3]) < narrow
        or not all(0 <= zeros < taps for zeros, taps in zip(before, kernel, strict=True))
        or any(
            count > length + zeros
            for count, length, zeros in zip(size, input.shape[2:], before, strict=True)
        )
        or not finite(weight)
    ):
        return None
    zeros = (before[0], before[1])
    planes = padded(backend, input, kernel, size, zeros)
    out = backend.empty((input.shape[0], weight.shape[0], *size))
    slide_over(planes, weight, out, bias, relu)
    return Call(planes, input, weight, zeros, out, relu, needs_grad, dims)


def _sums_of_channels(gradients: Planes, outputs: int) -> npt.NDArray[Any]:
    """Return the sum of each channel, over all images: all around them is zero."""
    where, storage = gradients.layout, gradients.storage
    groups = 1 if where.joined else gradients.count
    planes = storage[: groups * outputs * where.channel].reshape(-1, where.channel)
    sums = np.dot(planes, ones(where.channel, storage.dtype)).reshape(groups, outputs)
    result: npt.NDArray[Any] = np.dot(ones(groups, storage.dtype), sums)
    return result


def _exact_gradient_of_weight(backend: Tuned, saved: Call, grad: TensorData) -> TensorData:
    """Return the gradient where infinities or NaN must not meet the zeros around an image."""
    if saved.relu:
        grad = backend.zip(operators.relu_back, saved.out, grad)
    (top, left), widths = saved.before, ((0, 0), (0, 0))
    images = np.pad(host_array(saved.input), (*widths, (top, 0), (left, 0)))
    size = (saved.weight.shape[2], saved.weight.shape[3])
    swap = (1, 0, 2, 3)
    return backend._strided.conv2d(
        backend.from_numpy(images).permute(*swap), grad.permute(*swap), False, size
    ).permute(*swap)
