"""Fused form of convolution, bias, ReLU and maximum over time, with a sparse backward pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mt_kernels_cpu.compiling.arguments import plain
from mt_kernels_cpu.tuned.convolution.arguments import Maxima, MaximaGradient, SequenceSizes
from mt_kernels_cpu.tuned.convolution.form import plan_for
from mt_kernels_cpu.tuned.convolution.launch import forward_operands
from mt_kernels_cpu.tuned.convolution.max_over_time_kernels import (
    SEARCH_VECTORS,
    add_input_gradients,
    add_weight_gradients,
    convolve_max,
)
from mt_kernels_cpu.tuned.convolution.tiling import Positions, StagingLayout
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.finite import has_nan
from mt_kernels_cpu.tuned.threads import partition_independent, run_parallel
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.tensor_data import as_images


@dataclass(slots=True)
class Saved:
    """Operands and positions of the forward pass, for the backward pass.

    Attributes:
        before: The number of zeros before a sequence.
        input: The sequences, (N, C, W).
        weight: The weight, (O, C, K).
        argmax: The position of each maximum, (N, O) in row-major order.
        needs_grad: True for each of input, weight and, if there is one, bias whose gradient is
            requested.
    """

    before: int
    input: TensorData
    weight: TensorData
    argmax: Positions
    needs_grad: tuple[bool, ...]


class MaxOverTime(FusedForm[Memory]):
    """Convolution of sequences with a stride of 1, and the maximum over all positions.

    The gradient leaves out products with zero. So elements of the input or the weight that are
    infinite or NaN change only the gradients of windows that contain a maximum.
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
        """Compute the maxima; see `mt_nn.functional.convolution.max_over_time`.

        Returns None, so that the composed function runs, for shapes that `plan_for` does not
        support and for infinite weights whose products with the zeros around a sequence are NaN.

        Shape:
            input (N, C, W), weight (O, C, K), bias (O,) → (N, O, 1).
        """
        shapes = (input.shape, weight.shape, None if bias is None else bias.shape)
        plan = plan_for(backend.dtype, *shapes, tuple(before), tuple(positions), tuple(stride))
        if plan is None or not plan.is_1d:
            return None
        input, weight = backend.as_native(input), backend.as_native(weight)
        bias = bias and backend.as_native(bias)
        (count, outputs, _, width), layout = plan.out, plan.forward_layout
        staging, staging_size = layout.staging, layout.staging_size
        if staging_size == 0:
            staging = StagingLayout(width, outputs * width, row=0, rows=1, columns=width)
            staging_size = layout.images_per_tile * outputs * width
        # The search for the maximum reads whole groups of vectors, beyond the last position.
        staging_size += SEARCH_VECTORS * layout.lanes
        result, argmax = backend.new((count, outputs, 1)), np.empty(count * outputs, np.int64)
        parts = partition_independent(count, result.size * width * len(layout.offsets))
        scratch = backend.scratch(len(parts), layout.tile_size + staging_size)
        sequences, weights = forward_operands(
            backend, layout, as_images(input), as_images(weight), bias, True
        )
        maxima = plain(Maxima(result.storage, argmax, outputs))
        args = sequences, layout.tiling_with(staging), weights, maxima
        run_parallel(parts, lambda part, *of_part: convolve_max(*args, scratch[part], *of_part))
        if not layout.unpadded and has_nan(result):
            # The product of an infinite weight and a padding zero is NaN; the definition has none.
            return None
        return result, Saved(plan.before[1], input, weight, argmax, needs_grad)

    @staticmethod
    def backward(backend: Memory, saved: Saved, grad: TensorData) -> Gradients:
        """Return the requested gradients of input, weight and bias, None for the others."""
        grad = backend.as_native(grad)
        argmax, (count, channels, width) = saved.argmax, saved.input.shape
        outputs, _, taps = saved.weight.shape
        sizes = plain(SequenceSizes(count, width, channels, outputs, taps, saved.before))
        image_step, channel_step, _ = grad.strides
        upstream = plain(MaximaGradient(grad.storage, image_step, channel_step, argmax))
        steps = argmax.size * channels * taps
        grad_input = grad_weight = grad_bias = None
        if saved.needs_grad[0]:
            channels_last = backend.new((count, width, channels))
            kernels = backend.contiguous(saved.weight.permute(0, 2, 1))
            run_parallel(
                partition_independent(count, steps),
                lambda _, first, last: add_input_gradients(
                    channels_last.storage, kernels.storage, upstream, sizes, first, last
                ),
            )
            grad_input = channels_last.permute(0, 2, 1)
        if any(saved.needs_grad[1:]):
            grad_weight = backend.new((outputs, channels, taps))
            grad_bias = backend.new((outputs,))
            parts = partition_independent(outputs, steps)
            scratch = backend.scratch(len(parts), channels * taps)
            sequences = backend.contiguous(saved.input.permute(0, 2, 1))
            args = (grad_weight.storage, grad_bias.storage), sequences.storage, upstream, sizes
            run_parallel(
                parts, lambda part, *of_part: add_weight_gradients(*args, scratch[part], *of_part)
            )
        return (grad_input, grad_weight, grad_bias)[: len(saved.needs_grad)]
