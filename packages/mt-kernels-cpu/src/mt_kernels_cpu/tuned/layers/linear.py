"""Fused form of a linear layer: the product, then bias and activation in one pass over it.

Three columns of two rows; f is the activation::

    rows · weight (BLAS)      one pass over memory
    u u u              →      f(u + b0)  f(u + b1)  f(u + b2)
    u u u                     f(u + b0)  f(u + b1)  f(u + b2)
                              gradients of b0, b1, b2: sums of the columns
"""

import math
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import (
    JIT_IS_DISABLED,
    helper,
    strict_kernel,
    strict_nogil_kernel,
)
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.error_function import (
    gelu_slope_float32,
    gelu_tanh_float32,
    gelu_tanh_slope_float32,
)
from mt_kernels_cpu.tuned.operations.error_function_vectors import gelu_and_slope
from mt_kernels_cpu.tuned.operations.formulas import formula_for
from mt_kernels_cpu.tuned.operations.products import as_matrix, multiply
from mt_kernels_cpu.tuned.simd.memory import lanes_of, load, store
from mt_kernels_cpu.tuned.simd.vector import lanes
from mt_kernels_cpu.tuned.threads import partition, partition_independent, run_parallel
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.fused.arguments import fits_linear
from mt_tensor.layout import Storage
from mt_tensor.operators import gelu_back

ACTIVATIONS = (None, "relu", "gelu", "gelu-tanh")

STEPS_OF_GELU = 24
"""The time of GELU and its derivative of an element, in multiplications."""

STEPS_OF_PRODUCT = 16
"""The time of the product of two elements in memory, in multiplications in registers."""


class Linear(FusedForm[Memory]):
    r"""Linear layer $y = f(x W + b)$; the activation f is the identity, ReLU or GELU.

    With $\bar u = f'(u)\, \bar y$ the gradients are $\bar x = \bar u W^T$, $\bar W = x^T \bar u$.
    The forward pass keeps the derivative of GELU, which has most of its terms in common with GELU.
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
        """Multiply, then add the bias and apply the activation.

        Returns None, so that the composed function runs, for shapes that do not match.

        Shape:
            input (..., inputs), weight (inputs, outputs), bias (outputs,) → (..., outputs).
        """
        if not fits_linear(input, weight, bias, activation, ACTIVATIONS):
            return None
        outputs = weight.shape[1]
        x, w = _as_rows(backend, input), as_matrix(weight)
        out = backend.new((*input.shape[:-1], outputs))
        multiply(x, w, out.storage.reshape(len(x), outputs))
        # For the backward pass: the result of ReLU, or the derivative of GELU.
        kept = None
        if activation in ("gelu", "gelu-tanh"):
            sums, out = out.storage, backend.new(out.shape)
            shift = sums[:0] if bias is None else backend.elements(bias)
            args = (out.storage, sums, shift, outputs)
            kernel = gelu_rows(backend.dtype, activation)
            if activation == "gelu" and fits_vectors(backend.dtype, outputs):
                kernel = gelu_vectors
            parts = partition_independent(len(x), STEPS_OF_GELU * len(sums))
            run_parallel(parts, lambda _, *part: kernel(*args, *part))
            kept = sums
        elif bias is not None:
            bias_relu(backend.dtype)(out.storage, backend.elements(bias), activation == "relu")
        elif activation == "relu":
            relu(backend.dtype)(out.storage)
        if activation == "relu":
            kept = out.storage
        return out, (x, w, kept, activation, input.shape, needs_grad)

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the requested gradients of input, weight and bias, None for the others."""
        x, w, kept, activation, shape, needs_grad = saved
        g = _as_rows(backend, grad)
        grad_input = grad_weight = grad_bias = None
        if activation not in (None, "relu") and len(needs_grad) == 2:
            scaled = backend.new(grad.shape).storage
            args = scaled, backend.elements(grad), kept
            parts = partition(len(scaled), STEPS_OF_PRODUCT * len(scaled))
            run_parallel(parts, lambda _, *part: multiply_elements(*args, *part))
            g = scaled.reshape(g.shape)
        elif kept is not None or len(needs_grad) > 2:
            grad_bias = backend.new((w.shape[1],))
            elements = backend.elements(grad)
            if kept is None:
                column_sums(backend.dtype)(grad_bias.storage, elements)
            else:
                masked = backend.new(grad.shape).storage
                backward = relu_backward_bias if activation == "relu" else gelu_backward_bias
                backward(backend.dtype)(masked, grad_bias.storage, elements, kept)
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
def activation_for(dtype: np.dtype[Any], activation: str | None) -> Any:
    """Return one of `ACTIVATIONS` of a number, for use inside kernels."""
    if activation == "gelu-tanh":
        return gelu_tanh_float32 if dtype == np.float32 else helper(_gelu_tanh)
    formulas = {"gelu": operators.gelu, "relu": operators.relu, None: operators.id}
    return formula_for(formulas[activation], dtype)


@strict_nogil_kernel
def multiply_elements(to: Storage, a: Storage, b: Storage, first: int, last: int) -> None:
    """Multiply the elements `first` to `last` of two arrays."""
    out, x, y = to[first:last], a[first:last], b[first:last]
    for i in range(len(out)):
        out[i] = x[i] * y[i]


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

    It adds in double precision: a sum in single precision stalls. A loop copies the sums, because
    an assignment of arrays compiles the text of an error, which takes longer than all the rest.
    """

    def sum_columns(total: Storage, g: Storage) -> None:
        sums = np.zeros(len(total))
        for start in range(0, len(g), len(sums)):
            row = g[start : start + len(sums)]
            for j in range(len(sums)):
                sums[j] += row[j]
        for j in range(len(sums)):
            total[j] = sums[j]

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
        for j in range(len(sums)):
            total[j] = sums[j]

    return strict_kernel(mask_gradient)


@lru_cache
def gelu_rows(dtype: np.dtype[Any], activation: str) -> Any:
    """Return ``kernel(out, sums, bias, columns, first, last)`` for a range of rows.

    It adds the bias, which may be empty, to each row of `sums`, writes GELU of that to `out`, and
    replaces `sums` by the derivative of GELU.
    """
    exact, value = activation == "gelu", activation_for(dtype, activation)
    if dtype == np.float32:
        slope = gelu_slope_float32 if exact else gelu_tanh_slope_float32
    else:
        slope = formula_for(_gelu_slope if exact else _gelu_tanh_slope, dtype)

    def apply_gelu(
        out: Storage, sums: Storage, bias: Storage, columns: int, first: int, last: int
    ) -> None:
        for start in range(first * columns, last * columns, columns):
            row, to = sums[start : start + columns], out[start : start + columns]
            if len(bias) > 0:
                for j in range(len(row)):
                    row[j] += bias[j]
            for j in range(len(row)):
                x = row[j]
                to[j] = value(x)
                row[j] = slope(x)

    return strict_nogil_kernel(apply_gelu)


def fits_vectors(dtype: np.dtype[Any], columns: int) -> bool:
    """Return whether `gelu_vectors` computes rows of a dtype and a length."""
    return dtype == np.float32 and columns % lanes(dtype) == 0 and not JIT_IS_DISABLED


@strict_nogil_kernel
def gelu_vectors(
    out: Storage, sums: Storage, bias: Storage, columns: int, first: int, last: int
) -> None:
    """Apply GELU to rows of whole vectors in single precision, as the kernel of `gelu_rows` does.

    The compiler would choose vectors of half the length.
    """
    step = lanes_of(out)
    for start in range(first * columns, last * columns, columns):
        row, to = sums[start : start + columns], out[start : start + columns]
        if len(bias) > 0:
            for j in range(len(row)):
                row[j] += bias[j]
        for j in range(0, columns, step):
            value, slope = gelu_and_slope(load(row, j))
            store(to, j, value)
            store(row, j, slope)


@lru_cache
def gelu_backward_bias(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(to, total, g, slope)``.

    It writes g times the slope to `to`, and the column sums of that to `total`, added in double
    precision.
    """

    def scale_gradient(to: Storage, total: Storage, g: Storage, slope: Storage) -> None:
        columns, sums = len(total), np.zeros(len(total))
        for start in range(0, len(g), columns):
            out, grads = to[start : start + columns], g[start : start + columns]
            factors = slope[start : start + columns]
            for j in range(columns):
                value = grads[j] * factors[j]
                out[j] = value
                sums[j] += value
        for j in range(len(sums)):
            total[j] = sums[j]

    return strict_kernel(scale_gradient)


def _gelu_slope(x: float) -> float:
    return gelu_back(x, 1.0)


def _gelu_tanh(x: float) -> float:
    return 0.5 * x * (1.0 + math.tanh(0.7978845608028654 * (x + 0.044715 * (x * x * x))))


def _gelu_tanh_slope(x: float) -> float:
    t = math.tanh(0.7978845608028654 * (x + 0.044715 * (x * x * x)))
    inner = 0.7978845608028654 * (1.0 + 3 * 0.044715 * (x * x))
    return 0.5 * (1.0 + t) + 0.5 * x * ((1.0 - t * t) * inner)
