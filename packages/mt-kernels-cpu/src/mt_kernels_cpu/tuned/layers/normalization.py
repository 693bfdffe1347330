"""Fused forms of the normalisation of rows: one pass over each row, forward and backward.

Three rows of four columns, and what the forward pass stores::

    x                   statistics         result
    x00 x01 x02 x03     mean 0, scale 0    (x0j - mean 0) · scale 0 · factor j + shift j
    x10 x11 x12 x13     mean 1, scale 1    …
    x20 x21 x22 x23     mean 2, scale 2    …

Means are added in double precision, and so are the gradients of factors and shifts.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from mt_kernels_cpu.compiling.arguments import plain
from mt_kernels_cpu.compiling.jit import fastmath_helper, strict_nogil_kernel
from mt_kernels_cpu.tuned.memory import Memory
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.layout import Storage


class Targets(NamedTuple):
    """Results of the backward pass: gradients of elements, factors and, if not empty, shifts."""

    elements: Storage
    factors: Storage
    shifts: Storage


class LayerNorm(FusedForm[Memory]):
    r"""Rows with mean 0 and variance 1, times factors, plus shifts.

    With $\hat x = (x - \mu)\, s$, $s = 1 / \sqrt{\sigma^2 + \epsilon}$ and $h = \bar y w$, and
    with means over the row, $\bar x = s\, (h - \mathrm{mean}(h) - \hat x\, \mathrm{mean}(h \hat
    x))$. The backward pass computes $\hat x$ once more.
    """

    @staticmethod
    def forward(
        backend: Memory,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData | None,
        bias: TensorData | None,
        eps: float,
    ) -> Any:
        """Normalise all rows.

        Returns None, so that the composed function runs, for shapes that do not match.

        Shape:
            input (..., n), weight (n,), bias (n,) → (..., n).
        """
        return _forward(backend, needs_grad, input, weight, bias, eps, True)

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradients of input, weight and bias."""
        return _backward(backend, saved, grad, True)


class RmsNorm(FusedForm[Memory]):
    """Rows with mean square 1, times factors: `LayerNorm` without means and shifts."""

    @staticmethod
    def forward(
        backend: Memory,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData | None,
        eps: float,
    ) -> Any:
        """Normalise all rows; see `LayerNorm.forward`."""
        return _forward(backend, needs_grad, input, weight, None, eps, False)

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradients of input and weight."""
        return _backward(backend, saved, grad, False)


def _forward(
    backend: Memory,
    needs_grad: tuple[bool, ...],
    input: TensorData,
    weight: TensorData | None,
    bias: TensorData | None,
    eps: float,
    is_centred: bool,
) -> Any:
    columns = input.shape[-1:]
    if columns in ((), (0,)) or any(
        each is not None and each.shape != columns for each in (weight, bias)
    ):
        return None
    out, count = backend.new(input.shape), input.size // columns[0]
    statistics = backend.storage(2 * count)
    elements = backend.elements(input)
    factors = elements[:0] if weight is None else backend.elements(weight)
    shifts = elements[:0] if bias is None else backend.elements(bias)
    normalize(backend.dtype)(
        out.storage, statistics, elements, (factors, shifts), *columns, eps, is_centred
    )
    parameters = weight is not None, bias is not None
    return out, (elements, statistics, factors, input.shape, needs_grad, parameters)


def _backward(backend: Memory, saved: Any, grad: TensorData, is_centred: bool) -> Gradients:
    elements, statistics, factors, shape, needs_grad, (has_weight, has_bias) = saved
    to, columns = backend.new(shape), shape[-1]
    of_factors, of_shifts = backend.new((columns,)), backend.new((columns,)) if has_bias else None
    sums = of_factors.storage, elements[:0] if of_shifts is None else of_shifts.storage
    targets = plain(Targets(to.storage, *sums))
    args = backend.elements(grad), elements, statistics, factors, columns, is_centred
    normalize_back(backend.dtype)(targets, *args)
    parts = (to, True), (of_factors, has_weight), (of_shifts, has_bias)
    found = [each for each, is_present in parts if is_present]
    return tuple(each if used else None for each, used in zip(found, needs_grad, strict=True))


@fastmath_helper
def mean(row: Storage) -> float:
    """Return the mean of a row, added in double precision."""
    total = 0.0
    for j in range(len(row)):
        total += row[j]
    return total / len(row)


@fastmath_helper
def mean_square(row: Storage, centre: Any) -> float:
    """Return the mean square of the distances from a number, added in double precision."""
    total = 0.0
    for j in range(len(row)):
        distance = np.float64(row[j] - centre)
        total += distance * distance
    return total / len(row)


@fastmath_helper
def _mean_product(a: Storage, b: Storage) -> float:
    total = 0.0
    for j in range(len(a)):
        total += np.float64(a[j]) * np.float64(b[j])
    return total / len(a)


@lru_cache
def normalize(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(out, statistics, x, parameters, columns, eps, is_centred)``.

    Factors and shifts, the parameters, may be empty.

    Shape:
        out and x (rows · columns,), statistics (2 · rows,): the mean and the factor of each row.
    """
    number = dtype.type

    def normalize_rows(
        out: Storage,
        statistics: Storage,
        x: Storage,
        parameters: tuple[Storage, Storage],
        columns: int,
        eps: float,
        is_centred: bool,
    ) -> None:
        factors, shifts = parameters
        for r in range(len(x) // columns):
            row, to = x[r * columns : (r + 1) * columns], out[r * columns : (r + 1) * columns]
            centre = number(mean(row)) if is_centred else number(0)
            scale = number(1.0 / np.sqrt(mean_square(row, centre) + eps))
            statistics[2 * r], statistics[2 * r + 1] = centre, scale
            if len(factors) > 0:
                for j in range(len(to)):
                    to[j] = (row[j] - centre) * scale * factors[j]
            else:
                for j in range(len(to)):
                    to[j] = (row[j] - centre) * scale
            if len(shifts) > 0:
                for j in range(len(to)):
                    to[j] += shifts[j]

    return strict_nogil_kernel(normalize_rows)


@lru_cache
def normalize_back(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(targets, g, x, statistics, factors, columns, is_centred)``.

    It is the backward loop of `normalize`.
    """
    number = dtype.type

    def normalize_rows_back(
        targets: Targets,
        g: Storage,
        x: Storage,
        statistics: Storage,
        factors: Storage,
        columns: int,
        is_centred: bool,
    ) -> None:
        to, to_factors, to_shifts = targets
        standard, slopes = np.empty(columns, x.dtype), np.empty(columns, x.dtype)
        factor_sums, shift_sums = np.zeros(columns), np.zeros(len(to_shifts))
        for r in range(len(x) // columns):
            row, grads = x[r * columns : (r + 1) * columns], g[r * columns : (r + 1) * columns]
            out = to[r * columns : (r + 1) * columns]
            shift, scale = statistics[2 * r], statistics[2 * r + 1]
            for j in range(columns):
                value = (row[j] - shift) * scale
                standard[j] = value
                factor_sums[j] += grads[j] * value
            for j in range(len(shift_sums)):
                shift_sums[j] += grads[j]
            if len(factors) > 0:
                for j in range(columns):
                    slopes[j] = grads[j] * factors[j]
            else:
                for j in range(columns):
                    slopes[j] = grads[j]
            centre = number(mean(slopes)) if is_centred else number(0)
            along = number(_mean_product(slopes, standard))
            for j in range(columns):
                out[j] = scale * (slopes[j] - centre - standard[j] * along)
        for j in range(len(factor_sums)):
            to_factors[j] = factor_sums[j]
        for j in range(len(shift_sums)):
            to_shifts[j] = shift_sums[j]

    return strict_nogil_kernel(normalize_rows_back)
