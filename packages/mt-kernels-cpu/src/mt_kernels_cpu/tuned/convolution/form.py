"""Fused form of convolution, bias and ReLU, with its backward pass."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from mt_kernels_cpu.backend import Fast
from mt_kernels_cpu.tuned.convolution.launch import (
    Targets,
    convolve_images,
    convolve_images_backward,
    swap_batch_channel,
)
from mt_kernels_cpu.tuned.convolution.tiling import (
    Geometry,
    Pair,
    TileLayout,
    as_pair,
    forward_images_per_tile,
    tile_layout,
    wgrad_images_per_tile,
)
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.finite import all_finite, has_nan
from mt_kernels_cpu.tuned.simd.vector import lanes
from mt_tensor import FusedForm, Gradients, TensorData, host_array, operators
from mt_tensor.tensor_data import as_images, as_sequences


@dataclass(frozen=True, slots=True)
class Plan:
    """Layouts that all calls of the same shapes share. Sequences are images one row high.

    Attributes:
        is_1d: True if the input consists of sequences, (N, C, W).
        before: The rows and columns of zeros before the input.
        out: The shape of the output, (N, O, P, Q).
        forward_layout: The tile of images in the forward pass.
        wgrad_layout: The tile of images for the gradient of the weight.
        grad_layout: The tile of gradients, read by the flipped weights.
    """

    is_1d: bool
    before: Pair
    out: tuple[int, int, int, int]
    forward_layout: TileLayout
    wgrad_layout: TileLayout
    grad_layout: TileLayout


@dataclass(slots=True)
class Saved:
    """Operands and result of the forward pass, for the backward pass.

    Sequences are images one row high.

    Attributes:
        plan: The layouts.
        input: The input, (N, C, H, W).
        weight: The weight, (O, C, KH, KW).
        out: The output, (N, O, P, Q).
        relu: True if negative sums became 0.
        needs_grad: True for each of input, weight and, if there is one, bias whose gradient is
            requested.
    """

    plan: Plan
    input: TensorData
    weight: TensorData
    out: TensorData
    relu: bool
    needs_grad: tuple[bool, ...]


class Convolution(FusedForm[Memory]):
    """Convolution over zero-padded tiles, for a stride of 1."""

    @staticmethod
    def forward(
        backend: Memory,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData,
        bias: TensorData | None,
        before: tuple[int, ...],
        positions: tuple[int, ...],
        stride: tuple[int, ...],
        relu: bool,
    ) -> tuple[TensorData, Saved] | None:
        """Compute the layer's output; see `mt_nn.functional.convolution.convolve`.

        Returns None, so that the composed function runs, for strides other than 1, for zeros before
        the input that no output depends on, for sizes that do not match, and for weights that are
        infinite or NaN: their products with the zeros around an image would be NaN.

        Shape:
            input (N, C, H, W), weight (O, C, KH, KW), bias (O,) → (N, O, *positions); also without
            H and KH.
        """
        shapes = (input.shape, weight.shape, None if bias is None else bias.shape)
        plan = plan_for(backend.dtype, *shapes, tuple(before), tuple(positions), tuple(stride))
        if plan is None or not all_finite(weight):
            return None
        input, weight = backend.as_native(input), backend.as_native(weight)
        bias = bias and backend.as_native(bias)
        if plan.is_1d:
            input, weight = as_images(input), as_images(weight)
        out = backend.new(plan.out)
        convolve_images(backend, plan.forward_layout, input, weight, out, bias, relu)
        saved = Saved(plan, input, weight, out, relu, needs_grad)
        return (as_sequences(out) if plan.is_1d else out), saved

    @staticmethod
    def backward(backend: Memory, saved: Saved, grad: TensorData) -> Gradients:
        """Return the requested gradients of input, weight and bias, None for the others."""
        plan, weight, needs_grad = saved.plan, saved.weight, saved.needs_grad
        grad = backend.as_native(grad)
        if plan.is_1d:
            grad = as_images(grad)
        grad_input = flipped = grad_weight = grad_bias = None
        if needs_grad[0]:
            grad_input = backend.new(saved.input.shape)
            flipped = swap_batch_channel(weight)
        if needs_grad[1]:
            grad_weight = backend.new(weight.shape)
        if needs_grad[2:] == (True,):
            grad_bias = backend.new(weight.shape[:1])
        convolve_images_backward(
            backend,
            plan.wgrad_layout,
            plan.grad_layout,
            saved.input,
            grad,
            saved.out if saved.relu else None,
            Targets(grad_input, flipped, grad_weight, grad_bias),
        )
        if grad_weight is not None and has_nan(grad_weight):
            grad_weight = _strided_weight_gradient(backend, saved, grad)
        if plan.is_1d:
            grad_input = grad_input and as_sequences(grad_input)
            grad_weight = grad_weight and as_sequences(grad_weight)
        return (grad_input, grad_weight, grad_bias)[: len(needs_grad)]


@functools.lru_cache(maxsize=256)
def plan_for(
    dtype: np.dtype[Any],
    input: tuple[int, ...],
    weight: tuple[int, ...],
    bias: tuple[int, ...] | None,
    before: tuple[int, ...],
    positions: tuple[int, ...],
    stride: tuple[int, ...],
) -> Plan | None:
    """Return the layouts for convolutions of some shapes, None if the form does not support them.

    Args:
        dtype: The dtype of the backend.
        input: The shape of the input, (N, C, W) or (N, C, H, W).
        weight: The shape of the weight, (O, C, K) or (O, C, KH, KW).
        bias: The shape of the bias, None without one.
        before: The number of zeros before the input, for each spatial dimension.
        positions: The size of the output, for each spatial dimension.
        stride: The stride, for each spatial dimension.
    """
    is_1d = len(input) == len(weight) == 3 and len(positions) == len(before) == 1
    if is_1d:
        input, weight = (*input[:2], 1, input[2]), (*weight[:2], 1, weight[2])
        before, positions = (0, *before), (1, *positions)
    if not (len(input) == len(weight) == 4 and len(positions) == len(before) == 2):
        return None
    (count, channels, *image), (outputs, weight_channels, *kernel) = input, weight
    if (
        any(step != 1 for step in stride)
        or channels != weight_channels
        or bias not in (None, (outputs,))
        or 0 in (*input, *weight, *positions)
        or not all(0 <= zeros < taps for zeros, taps in zip(before, kernel, strict=True))
        or any(
            size > length + zeros
            for size, length, zeros in zip(positions, image, before, strict=True)
        )
    ):
        return None
    geometry = Geometry(as_pair(image), as_pair(kernel), as_pair(positions), as_pair(before))
    vector = lanes(dtype)
    forward_images = forward_images_per_tile(count, channels, geometry, vector)
    wgrad_images = wgrad_images_per_tile(count, geometry)
    return Plan(
        is_1d,
        geometry.before,
        (count, outputs, *geometry.size),
        tile_layout(forward_images, channels, outputs, geometry, False, dtype, vector),
        tile_layout(wgrad_images, channels, outputs, geometry, False, dtype, vector),
        tile_layout(wgrad_images, outputs, channels, geometry.backward(), True, dtype, vector),
    )


def _strided_weight_gradient(backend: Memory, saved: Saved, grad: TensorData) -> TensorData:
    """Return the gradient of the weight for inputs that are infinite or NaN.

    The strided kernels leave out products with the zeros around an image, which would be NaN.

    Shape:
        grad (N, O, P, Q) → (O, C, KH, KW).
    """
    if saved.relu:
        grad = backend.zip(operators.relu_back, saved.out, grad)
    (top, left), widths = saved.plan.before, ((0, 0), (0, 0))
    padded = np.pad(host_array(saved.input), (*widths, (top, 0), (left, 0)))
    size = (saved.weight.shape[2], saved.weight.shape[3])
    images, gradients = swap_batch_channel(backend.from_numpy(padded)), swap_batch_channel(grad)
    return swap_batch_channel(Fast(backend.dtype).convolve(images, gradients, False, size))
