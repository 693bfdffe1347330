"""Fused form of a linear layer: the product, then bias and ReLU in one pass over it."""

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import strict_kernel
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.products import as_matrix, multiply
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.fused.arguments import fits_linear
from mt_tensor.layout import Storage


class Linear(FusedForm[Memory]):
    r"""Linear layer $y = x W + b$, with ReLU on request.

    The gradients are $\bar x = \bar y W^T$ and $\bar W = x^T \bar y$.
    """

    @staticmethod
    def forward(
        backend: Memory,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData,
        bias: TensorData | None,
        activation: str | None,
    ) -> Any:
        """Multiply, then add the bias and apply ReLU in place.

        Returns None, so that the composed function runs, for shapes that do not match.

        Shape:
            input (..., inputs), weight (inputs, outputs), bias (outputs,) → (..., outputs).
        """
        if not fits_linear(input, weight, bias, activation):
            return None
        outputs = weight.shape[1]
        x, w, with_relu = _as_rows(backend, input), as_matrix(weight), activation == "relu"
        out = backend.new((*input.shape[:-1], outputs))
        multiply(x, w, out.storage.reshape(len(x), outputs))
        if bias is not None:
            bias_relu(backend.dtype)(out.storage, backend.elements(bias), with_relu)
        elif with_relu:
            relu(backend.dtype)(out.storage)
        return out, (x, w, out.storage if with_relu else None, input.shape, needs_grad)

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the requested gradients of input, weight and bias, None for the others."""
        x, w, relu_out, shape, needs_grad = saved
        g = _as_rows(backend, grad)
        grad_input = grad_weight = grad_bias = None
        if relu_out is not None or len(needs_grad) > 2:
            grad_bias = backend.new((w.shape[1],))
            elements = backend.elements(grad)
            if relu_out is None:
                column_sums(backend.dtype)(grad_bias.storage, elements)
            else:
                masked = backend.new(grad.shape).storage
                relu_backward_bias(backend.dtype)(masked, grad_bias.storage, elements, relu_out)
                g = masked.reshape(g.shape)
        if needs_grad[0]:
            grad_input = backend.new(shape)
            multiply(g, w.T, grad_input.storage.reshape(x.shape))
        if needs_grad[1]:
            grad_weight = backend.new(w.shape)
            multiply(x.T, g, grad_weight.storage.reshape(w.shape))
        return (grad_input, grad_weight, grad_bias)[: len(needs_grad)]


def _as_rows(backend: Memory, a: TensorData) -> npt.NDArray[Any]:
    """Return a tensor's elements as a contiguous matrix; all dimensions but the last are merged.

    Shape:
        (..., n) → (rows, n).
    """
    return backend.elements(a).reshape(prod(a.shape[:-1]), a.shape[-1])


@lru_cache
def bias_relu(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(out, bias, relu)``, which adds the bias to each row and applies ReLU."""
    zero = dtype.type(0)

    def add_bias(out: Storage, bias: Storage, relu: bool) -> None:
        columns = len(bias)
        for start in range(0, len(out), columns):
            row = out[start : start + columns]
            if relu:
                for j in range(len(row)):
                    value = row[j] + bias[j]
                    row[j] = zero if value <= zero else value
            else:
                for j in range(len(row)):
                    row[j] += bias[j]

    return strict_kernel(add_bias)


@lru_cache
def relu(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(out)``, which applies ReLU in place; NaN stays NaN."""
    zero = dtype.type(0)

    def clamp(out: Storage) -> None:
        for i in range(len(out)):
            out[i] = zero if out[i] <= zero else out[i]

    return strict_kernel(clamp)


@lru_cache
def column_sums(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(total, g)``, which writes the sum of all rows of g.

    It adds in double precision: a sum in single precision stalls.
    """

    def sum_columns(total: Storage, g: Storage) -> None:
        sums = np.zeros(len(total))
        for start in range(0, len(g), len(sums)):
            row = g[start : start + len(sums)]
            for j in range(len(sums)):
                sums[j] += row[j]
        total[:] = sums

    return strict_kernel(sum_columns)


@lru_cache
def relu_backward_bias(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(masked, total, g, out)``.

    It writes g where `out` is positive, else 0, to `masked`, and the column sums of that to
    `total`, added in double precision.
    """
    zero = dtype.type(0)

    def mask_gradient(masked: Storage, total: Storage, g: Storage, out: Storage) -> None:
        columns, sums = len(total), np.zeros(len(total))
        for start in range(0, len(g), columns):
            to, grads = masked[start : start + columns], g[start : start + columns]
            results = out[start : start + columns]
            for j in range(columns):
                value = grads[j] if results[j] > zero else zero
                to[j] = value
                sums[j] += value
        total[:] = sums

    return strict_kernel(mask_gradient)
