"""A linear layer in one piece: the product, then bias and ReLU in one pass over it."""

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.jit import exact
from mt_kernels_cpu.tuned.products import as_matrix, multiply
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.fused.arguments import fits_linear
from mt_tensor.layout import Storage


class Linear(FusedForm[Any]):
    r"""$y = x W + b$, with ReLU if wanted; $\bar x = \bar y W^T$, $\bar W = x^T \bar y$."""

    @staticmethod
    def forward(
        backend: Any,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData,
        bias: TensorData | None,
        activation: str | None,
    ) -> Any:
        """Multiply, then go over the product once; the form declines shapes that do not fit."""
        if not fits_linear(input, weight, bias, activation):
            return None
        outputs = weight.shape[1]
        x, w, relu = _as_rows(backend, input), as_matrix(weight), activation == "relu"
        out = backend.new((*input.shape[:-1], outputs))
        multiply(x, w, out.storage.reshape(len(x), outputs))
        if bias is not None:
            finish(backend.dtype)(out.storage, backend.contiguous(bias).cells, relu)
        elif relu:
            stop_at_zero(backend.dtype)(out.storage)
        return out, (x, w, out.storage if relu else None, input.shape, needs_grad)

    @staticmethod
    def backward(backend: Any, saved: Any, grad: TensorData) -> Gradients:
        """Stop the gradient where ReLU did, then multiply by the two operands."""
        x, w, stopped, shape, needs_grad = saved
        g = _as_rows(backend, grad)
        grad_input = grad_weight = grad_bias = None
        if stopped is not None or len(needs_grad) > 2:
            grad_bias = backend.new((w.shape[1],))
            cells = backend.contiguous(grad).cells
            if stopped is None:
                column_sums(backend.dtype)(grad_bias.storage, cells)
            else:
                passed = backend.new(grad.shape).storage
                stop_and_sum(backend.dtype)(passed, grad_bias.storage, cells, stopped)
                g = passed.reshape(g.shape)
        if needs_grad[0]:
            grad_input = backend.new(shape)
            multiply(g, w.T, grad_input.storage.reshape(x.shape))
        if needs_grad[1]:
            grad_weight = backend.new(w.shape)
            multiply(x.T, g, grad_weight.storage.reshape(w.shape))
        return (grad_input, grad_weight, grad_bias)[: len(needs_grad)]


def _as_rows(backend: Any, a: TensorData) -> npt.NDArray[Any]:
    """Return the numbers of a tensor as a matrix without gaps, all dimensions but the last merged.

    Shape:
        (..., n) → (rows, n).
    """
    rows: npt.NDArray[Any] = backend.contiguous(a).cells
    return rows.reshape(prod(a.shape[:-1]), a.shape[-1])


@lru_cache
def finish(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(out, bias, relu)``, which adds a row to each row and stops at zero."""
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

    return exact(add_bias)


@lru_cache
def stop_at_zero(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(out)``, which stops at zero."""
    zero = dtype.type(0)

    def stop(out: Storage) -> None:
        for i in range(len(out)):
            out[i] = zero if out[i] <= zero else out[i]

    return exact(stop)


@lru_cache
def column_sums(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(total, g)``: the sum of all rows."""
    zero = dtype.type(0)

    def sum_columns(total: Storage, g: Storage) -> None:
        for j in range(len(total)):
            total[j] = zero
        for start in range(0, len(g), len(total)):
            row = g[start : start + len(total)]
            for j in range(len(total)):
                total[j] += row[j]

    return exact(sum_columns)


@lru_cache
def stop_and_sum(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(passed, total, g, out)``: g where out is positive, and its column sums."""
    zero = dtype.type(0)

    def stop_gradient(passed: Storage, total: Storage, g: Storage, out: Storage) -> None:
        columns = len(total)
        for j in range(columns):
            total[j] = zero
        for start in range(0, len(g), columns):
            to, grads = passed[start : start + columns], g[start : start + columns]
            results = out[start : start + columns]
            for j in range(columns):
                value = grads[j] if results[j] > zero else zero
                to[j] = value
                total[j] += value

    return exact(stop_gradient)
