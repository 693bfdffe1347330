"""Convolution, bias, ReLU and the maximum over time in one piece, with a sparse backward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mt_kernels_cpu.tuned.convolution.form import plan_for
from mt_kernels_cpu.tuned.convolution.launch import forward_args, has_nan
from mt_kernels_cpu.tuned.convolution.max_over_time_kernels import (
    SEARCH_VECTORS,
    add_input_gradients,
    add_weight_gradients,
    convolve_max,
)
from mt_kernels_cpu.tuned.convolution.tiling import Positions
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.threads import partition, run_parallel
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.tensor_data import as_images


@dataclass(slots=True)
class Saved:
    """What a call leaves for its gradients.

    Attributes:
        before: How many zeros are before a sequence.
        input: The sequences, (N, C, W).
        weight: The kernels, (O, C, K).
        places: Where each response is strongest, (N, O).
        needs_grad: For input, weight and bias, if there is one.
    """

    before: int
    input: TensorData
    weight: TensorData
    argmax: Positions
    needs_grad: tuple[bool, ...]


class MaxOverTime(FusedForm[Memory]):
    """Kernels that move on by one position.

    The gradient leaves out products with zero: infinite or NaN numbers, of the input or of kernels,
    that met no other gradient than 0 do not reach it.
    """

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
    ) -> tuple[TensorData, Saved] | None:
        """Compute the responses; see `mt_nn.functional.convolution.max_over_time`."""
        shapes = (input.shape, weight.shape, None if bias is None else bias.shape)
        plan = plan_for(backend.dtype, *shapes, tuple(before), tuple(positions), tuple(stride))
        if plan is None or not plan.is_1d:
            return None
        input, weight = backend.as_native(input), backend.as_native(weight)
        bias = bias and backend.as_native(bias)
        (count, outputs, _, width), layout = plan.out, plan.forward_layout
        staging_layout, staging_size = layout.staging_layout, layout.staging_size
        if staging_size == 0:
            staging_layout = (width, outputs * width, 0, 1, width)
            staging_size = layout.images_per_tile * outputs * width
        # Behind them is what is searched beyond the last of them.
        staging_size += SEARCH_VECTORS * layout.lanes
        result, argmax = backend.new((count, outputs, 1)), np.empty(count * outputs, np.int64)
        parts = partition(count, result.size * width * len(layout.offsets))
        args: tuple[Any, ...] = (
            *forward_args(backend, layout, as_images(input), as_images(weight), bias),
            result.storage,
            argmax,
            outputs,
            staging_layout,
            backend.scratch(len(parts), layout.tile_size + staging_size),
            layout.tile_size,
        )
        run_parallel(parts, lambda *part: convolve_max(*args, *part))
        if not layout.unpadded and has_nan(result):
            # An infinite weight may have met a zero that surrounds the sequences.
            return None
        return result, Saved(plan.before[1], input, weight, argmax, needs_grad)

    @staticmethod
    def backward(backend: Memory, saved: Saved, grad: TensorData) -> Gradients:
        """Return the gradients of input, kernels and bias, where they are needed."""
        grad = backend.as_native(grad)
        argmax, (count, channels, width) = saved.argmax, saved.input.shape
        outputs, _, taps = saved.weight.shape
        sizes = (count, width, channels, outputs, taps)
        args: tuple[Any, ...] = (
            grad.storage,
            (grad.strides[0], grad.strides[1]),
            argmax,
            sizes,
            saved.before,
        )
        steps = argmax.size * channels * taps
        grad_input = grad_weight = grad_bias = None
        if saved.needs_grad[0]:
            channels_last = backend.new((count, width, channels))
            kernels = backend.contiguous(saved.weight.permute(0, 2, 1))
            run_parallel(
                partition(count, steps),
                lambda _, first, last: add_input_gradients(
                    channels_last.storage, kernels.storage, *args, first, last
                ),
            )
            grad_input = channels_last.permute(0, 2, 1)
        if any(saved.needs_grad[1:]):
            grad_weight, grad_bias = (
                backend.new((outputs, channels, taps)),
                backend.new((outputs,)),
            )
            parts = partition(outputs, steps)
            scratch = backend.scratch(len(parts), channels * taps)
            sequences = backend.contiguous(saved.input.permute(0, 2, 1))
            destinations = (grad_weight.storage, grad_bias.storage, scratch, sequences.storage)
            run_parallel(parts, lambda *part: add_weight_gradients(*destinations, *args, *part))
        return (grad_input, grad_weight, grad_bias)[: len(saved.needs_grad)]
