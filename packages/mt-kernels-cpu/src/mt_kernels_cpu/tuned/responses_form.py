"""Convolution, bias, ReLU and the maximum over time in one piece, with a sparse backward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.convolution import as_sequences
from mt_kernels_cpu.tuned.convolution_form import Call, convolve
from mt_kernels_cpu.tuned.responses import add_windows, find_strongest, spread_windows
from mt_kernels_cpu.tuned.threads import divide, threads_for
from mt_kernels_cpu.tuned.vectors import lanes
from mt_tensor import FusedForm, Gradients, TensorData

if TYPE_CHECKING:
    from mt_kernels_cpu.tuned.backend import Tuned

Saved = tuple[Call, npt.NDArray[np.int64]]


class StrongestResponse(FusedForm):
    """Sequences of at least a vector's length, kernels that move on by one position.

    The gradient leaves out products with zero: an infinite or NaN input that lies in no window of
    a strongest response does not reach it.
    """

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
    ) -> tuple[TensorData, Saved] | None:
        """Compute the responses; see `mt_nn.functional.convolution.strongest_response`."""
        if len(input.shape) != 3:
            return None
        call = convolve(backend, needs_grad, input, weight, bias, before, positions, stride, True)
        if call is None:
            return None
        count, outputs, _, width = call.out.shape
        result = backend.new((count, outputs, 1))
        where = np.empty(result.size, np.int64)
        ones = np.ones(lanes(backend.dtype), backend.dtype)
        divide(
            result.size,
            threads_for(call.out.size, result.size),
            lambda _, first, last: find_strongest(
                result.storage, where, call.out.storage, ones, width, len(ones), first, last
            ),
        )
        return result, (call, where)

    @staticmethod
    def backward(backend: Tuned, saved: Saved, grad: TensorData) -> Gradients:
        """Return the gradients of input, kernels and bias, where they are needed."""
        call, where = saved
        count, channels, _, width = call.input.shape
        outputs, _, _, taps = call.weight.shape
        sizes, before = (count, width, channels, outputs, taps), call.plan.before[1]
        given: tuple[Any, ...] = (
            grad.storage,
            (grad.strides[0], grad.strides[1]),
            where,
            sizes,
            before,
        )
        threads = threads_for(where.size * channels * taps, min(count, outputs))
        by_input = by_weight = by_bias = None
        if call.needs_grad[0]:
            rows = backend.new((count, width, channels))
            kernels = backend.contiguous(as_sequences(call.weight).permute(0, 2, 1))
            divide(
                count,
                threads,
                lambda _, first, last: spread_windows(
                    rows.storage, kernels.storage, *given, first, last
                ),
            )
            by_input = rows.permute(0, 2, 1)
        if any(call.needs_grad[1:]):
            kernel_grad, bias_grad = (
                backend.new((outputs, channels, taps)),
                backend.new((outputs,)),
            )
            scratch = backend.new(kernel_grad.shape)
            sequences = backend.contiguous(as_sequences(call.input).permute(0, 2, 1))
            to = (kernel_grad.storage, bias_grad.storage, scratch.storage, sequences.storage)
            divide(outputs, threads, lambda _, first, last: add_windows(*to, *given, first, last))
            by_weight, by_bias = kernel_grad, bias_grad
        return (by_input, by_weight, by_bias)[: len(call.needs_grad)]
