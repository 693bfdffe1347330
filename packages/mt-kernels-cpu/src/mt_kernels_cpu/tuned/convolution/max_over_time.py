"""Convolution, bias, ReLU and the maximum over time in one piece, with a sparse backward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mt_kernels_cpu.tuned.convolution.form import plan_for
from mt_kernels_cpu.tuned.convolution.launch import has_nan, sliding
from mt_kernels_cpu.tuned.convolution.max_over_time_kernels import (
    SEARCHED,
    add_windows,
    slide_and_find,
    spread_windows,
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
    places: Positions
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
        if plan is None or not plan.sequences:
            return None
        input, weight = backend.as_native(input), backend.as_native(weight)
        bias = bias and backend.as_native(bias)
        (count, outputs, _, width), where = plan.out, plan.forward
        room, room_cells = where.room, where.room_cells
        if room_cells == 0:
            room = (width, outputs * width, 0, 1, width)
            room_cells = where.together * outputs * width
        # Behind them is what is searched beyond the last of them.
        room_cells += SEARCHED * where.lanes
        result, places = backend.new((count, outputs, 1)), np.empty(count * outputs, np.int64)
        parts = partition(count, result.size * width * len(where.offsets))
        given: tuple[Any, ...] = (
            *sliding(backend, where, as_images(input), as_images(weight), bias),
            result.storage,
            places,
            outputs,
            room,
            backend.scratch(len(parts), where.cells + room_cells),
            where.cells,
        )
        run_parallel(parts, lambda *part: slide_and_find(*given, *part))
        if not where.complete and has_nan(result):
            # An infinite weight may have met a zero that surrounds the sequences.
            return None
        return result, Saved(plan.before[1], input, weight, places, needs_grad)

    @staticmethod
    def backward(backend: Memory, saved: Saved, grad: TensorData) -> Gradients:
        """Return the gradients of input, kernels and bias, where they are needed."""
        grad = backend.as_native(grad)
        where, (count, channels, width) = saved.places, saved.input.shape
        outputs, _, taps = saved.weight.shape
        sizes = (count, width, channels, outputs, taps)
        given: tuple[Any, ...] = (
            grad.storage,
            (grad.strides[0], grad.strides[1]),
            where,
            sizes,
            saved.before,
        )
        steps = where.size * channels * taps
        by_input = by_weight = by_bias = None
        if saved.needs_grad[0]:
            rows = backend.new((count, width, channels))
            kernels = backend.contiguous(saved.weight.permute(0, 2, 1))
            run_parallel(
                partition(count, steps),
                lambda _, first, last: spread_windows(
                    rows.storage, kernels.storage, *given, first, last
                ),
            )
            by_input = rows.permute(0, 2, 1)
        if any(saved.needs_grad[1:]):
            kernel_grad, bias_grad = (
                backend.new((outputs, channels, taps)),
                backend.new((outputs,)),
            )
            parts = partition(outputs, steps)
            scratch = backend.scratch(len(parts), channels * taps)
            sequences = backend.contiguous(saved.input.permute(0, 2, 1))
            to = (kernel_grad.storage, bias_grad.storage, scratch, sequences.storage)
            run_parallel(parts, lambda *part: add_windows(*to, *given, *part))
            by_weight, by_bias = kernel_grad, bias_grad
        return (by_input, by_weight, by_bias)[: len(saved.needs_grad)]
