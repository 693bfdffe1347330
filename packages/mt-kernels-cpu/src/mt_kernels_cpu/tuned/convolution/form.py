"""Convolution, bias and ReLU in one pass, with a backward pass of its own."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mt_kernels_cpu.backend import Fast
from mt_kernels_cpu.tuned.convolution.launch import (
    all_finite,
    convolve_images,
    convolve_images_backward,
    has_nan,
    swap_batch_channel,
)
from mt_kernels_cpu.tuned.convolution.tiling import (
    Geometry,
    Pair,
    TileLayout,
    forward_images_per_tile,
    tile_layout,
    wgrad_images_per_tile,
)
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.simd.vector import lanes
from mt_tensor import FusedForm, Gradients, TensorData, host_array, operators
from mt_tensor.tensor_data import as_images, as_sequences


@dataclass(frozen=True, slots=True)
class Plan:
    """What all calls of the same shapes have in common, sequences as images one row high.

    Attributes:
        sequences: Whether the input was given as sequences.
        before: How many rows and columns of zeros are before the input.
        out: The shape of the output, (N, O, P, Q).
        forward: How a few images lie in planes over which the kernels slide.
        products: How they do when they are multiplied with their gradients.
        gradients: How these do, for the turned kernels to slide over.
    """

    is_1d: bool
    before: Pair
    out: tuple[int, int, int, int]
    forward_layout: TileLayout
    wgrad_layout: TileLayout
    grad_layout: TileLayout


@dataclass(slots=True)
class Saved:
    """What a call leaves for its gradients, sequences as images one row high.

    Attributes:
        plan: How it was computed.
        input: The input, (N, C, H, W).
        weight: The kernels, (O, C, KH, KW).
        out: What came out, (N, O, P, Q).
        relu: Whether negative sums became 0.
        needs_grad: For input, weight and bias, if there is one.
    """

    plan: Plan
    input: TensorData
    weight: TensorData
    out: TensorData
    relu: bool
    needs_grad: tuple[bool, ...]


class Convolution(FusedForm[Memory]):
    """Kernels that slide over planes, for a stride of 1."""

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

        The form declines strides, zeros before the input that no output would need, numbers that do
        not fit together, and weights that are infinite or NaN: these must not meet the zeros around
        the planes.
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
        """Return the gradients of input, weight and bias, where they are needed."""
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
            flipped,
            grad,
            saved.out if saved.relu else None,
            grad_input,
            grad_weight,
            grad_bias,
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
    """Return how to compute convolutions of some shapes, None for those that are declined."""
    is_1d = len(input) == len(weight) == 3 and len(positions) == len(before) == 1
    if is_1d:
        input, weight = (*input[:2], 1, input[2]), (*weight[:2], 1, weight[2])
        before, positions = (0, *before), (1, *positions)
    if not (len(input) == len(weight) == 4 and len(positions) == len(before) == 2):
        return None
    (count, channels, *image), (outputs, weight_channels, *kernel) = input, weight
    vector_lanes = lanes(dtype)
    if (
        any(step != 1 for step in stride)
        or channels != weight_channels
        or bias not in (None, (outputs,))
        or 0 in (*input, *weight, *positions)
        or not all(0 <= zeros < taps for zeros, taps in zip(before, kernel, strict=True))
        or any(
            outputs_along > length + zeros
            for outputs_along, length, zeros in zip(positions, image, before, strict=True)
        )
    ):
        return None
    geometry = Geometry(_pair(image), _pair(kernel), _pair(positions), _pair(before))
    forward_images, wgrad_images = (
        forward_images_per_tile(count, channels, geometry, vector_lanes),
        wgrad_images_per_tile(count, geometry),
    )
    return Plan(
        is_1d,
        geometry.before,
        (count, outputs, *geometry.size),
        tile_layout(forward_images, channels, outputs, geometry, False, dtype, vector_lanes),
        tile_layout(wgrad_images, channels, outputs, geometry, False, dtype, vector_lanes),
        tile_layout(
            wgrad_images, outputs, channels, geometry.backward(), True, dtype, vector_lanes
        ),
    )


def _pair(values: Sequence[int]) -> Pair:
    height, width = values
    return height, width


def _strided_weight_gradient(backend: Memory, saved: Saved, grad: TensorData) -> TensorData:
    """Return the gradient where infinities or NaN must not meet the zeros around an image."""
    if saved.relu:
        grad = backend.zip(operators.relu_back, saved.out, grad)
    (top, left), widths = saved.plan.before, ((0, 0), (0, 0))
    padded = np.pad(host_array(saved.input), (*widths, (top, 0), (left, 0)))
    size = (saved.weight.shape[2], saved.weight.shape[3])
    images = swap_batch_channel(backend.from_numpy(padded))
    return swap_batch_channel(
        Fast(backend.dtype).convolve(images, swap_batch_channel(grad), False, size)
    )
