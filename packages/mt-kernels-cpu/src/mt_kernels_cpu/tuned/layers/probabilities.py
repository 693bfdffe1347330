"""Fused forms of softmax and its logarithm along the last dimension, one pass over each row.

Three passes over each row, which is in the first cache from the first pass on::

    row            maximum m      powers              divided by their sum
    x x x x x  →   m         →    e^(x - m) …    →    p p p p p
"""

import math
from abc import abstractmethod
from functools import lru_cache
from typing import Any

import numpy as np

from mt_kernels_cpu.compiling.jit import fastmath_helper, helper, strict_kernel
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.formulas import formula_for
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.fused.arguments import is_along_rows
from mt_tensor.layout import Storage


class _AlongRows(FusedForm[Memory]):
    """Base of both forms. Their gradients need only the result."""

    @staticmethod
    @abstractmethod
    def kernels(dtype: Any) -> Any:
        """Return the kernels forward and backward.

        They are ``kernel(out, x, rows, columns)`` and ``kernel(to, out, g, rows, columns)``.
        """

    @classmethod
    def forward(cls, backend: Memory, needs_grad: Any, input: TensorData, dim: int) -> Any:
        """Compute all rows.

        Returns None, so that the composed function runs, for a dimension other than the last.
        """
        if not is_along_rows(input, dim):
            return None
        out = backend.new(input.shape)
        columns = input.shape[-1]
        scores = backend.elements(input)
        forward, _ = cls.kernels(backend.dtype)
        forward(out.storage, scores, input.size // columns, columns)
        return out, out

    @classmethod
    def backward(cls, backend: Memory, saved: TensorData, grad: TensorData) -> Gradients:
        """Return the gradient of the input."""
        to = backend.new(saved.shape)
        columns = saved.shape[-1]
        _, backward = cls.kernels(backend.dtype)
        g = backend.elements(grad)
        backward(to.storage, saved.storage, g, saved.size // columns, columns)
        return (to,)


class Softmax(_AlongRows):
    r"""Softmax $p_i = e^{x_i - m} / s$; $\bar x_i = p_i (\bar p_i - \sum_j \bar p_j p_j)$.

    $m$ is the maximum of the row, so that the exponential does not overflow, and $s$ the sum.
    """

    @staticmethod
    def kernels(dtype: Any) -> Any:
        """Return the compiled loops forward and backward."""
        return softmax_rows(dtype), softmax_rows_back(dtype)


class LogSoftmax(_AlongRows):
    r"""Logarithm of softmax $l_i = (x_i - m) - \log s$.

    The gradient is $\bar x_i = \bar l_i - e^{l_i} \sum_j \bar l_j$; $m$ and $s$ are those of
    `Softmax`.
    """

    @staticmethod
    def kernels(dtype: Any) -> Any:
        """Return the compiled loops forward and backward."""
        return logsoftmax_rows(dtype), logsoftmax_rows_back(dtype)


@helper
def row_max(row: Storage) -> Any:
    """Return the maximum of a row. If the row contains NaN, return any of its elements."""
    # Four maxima at a time, because each comparison depends on the one before.
    a = b = c = d = row[0]
    fours = len(row) // 4 * 4
    for j in range(0, fours, 4):
        a = row[j] if row[j] > a else a
        b = row[j + 1] if row[j + 1] > b else b
        c = row[j + 2] if row[j + 2] > c else c
        d = row[j + 3] if row[j + 3] > d else d
    for j in range(fours, len(row)):
        a = row[j] if row[j] > a else a
    a, c = (a if a > b else b), (c if c > d else d)
    return a if a > c else c


@fastmath_helper
def row_sum(row: Storage) -> Any:
    """Return the sum of a row, added in double precision; the order of additions may change."""
    total = 0.0
    for j in range(len(row)):
        total += row[j]
    return row.dtype.type(total)


@lru_cache
def softmax_rows(dtype: np.dtype[Any]) -> Any:
    """Return the forward loop ``kernel(out, x, rows, columns)`` of softmax."""
    exp = formula_for(operators.exp, dtype)

    def softmax_forward(out: Storage, x: Storage, rows: int, columns: int) -> None:
        for row in range(rows):
            scores = x[row * columns : (row + 1) * columns]
            to = out[row * columns : (row + 1) * columns]
            top = row_max(scores)
            for j in range(len(to)):
                to[j] = exp(scores[j] - top)
            total = row_sum(to)
            for j in range(len(to)):
                to[j] = to[j] / total

    return strict_kernel(softmax_forward)


@lru_cache
def softmax_rows_back(dtype: np.dtype[Any]) -> Any:
    """Return the backward loop ``kernel(to, p, g, rows, columns)`` of softmax."""
    number = dtype.type

    def softmax_backward(to: Storage, p: Storage, g: Storage, rows: int, columns: int) -> None:
        for row in range(rows):
            probabilities, out = p[row * columns : (row + 1) * columns], to[row * columns :]
            grads, weighted = g[row * columns : (row + 1) * columns], 0.0
            for j in range(len(probabilities)):
                weighted += grads[j] * probabilities[j]
            total = number(weighted)
            for j in range(len(probabilities)):
                out[j] = probabilities[j] * (grads[j] - total)

    return strict_kernel(softmax_backward)


@lru_cache
def logsoftmax_rows(dtype: np.dtype[Any]) -> Any:
    """Return the forward loop ``kernel(out, x, rows, columns)`` of log-softmax."""
    exp, number = formula_for(operators.exp, dtype), dtype.type

    def logsoftmax_forward(out: Storage, x: Storage, rows: int, columns: int) -> None:
        for row in range(rows):
            scores = x[row * columns : (row + 1) * columns]
            to = out[row * columns : (row + 1) * columns]
            top = row_max(scores)
            for j in range(len(to)):
                to[j] = exp(scores[j] - top)
            total = row_sum(to)
            # A score of NaN makes the sum and so the whole row NaN.
            log_total = number(math.log(total))
            for j in range(len(to)):
                to[j] = (scores[j] - top) - log_total

    return strict_kernel(logsoftmax_forward)


@lru_cache
def logsoftmax_rows_back(dtype: np.dtype[Any]) -> Any:
    """Return the backward loop ``kernel(to, log_p, g, rows, columns)`` of log-softmax."""
    exp = formula_for(operators.exp, dtype)

    def logsoftmax_backward(
        to: Storage, log_p: Storage, g: Storage, rows: int, columns: int
    ) -> None:
        for row in range(rows):
            log_probabilities, out = log_p[row * columns : (row + 1) * columns], to[row * columns :]
            grads = g[row * columns : (row + 1) * columns]
            total = row_sum(grads)
            for j in range(len(log_probabilities)):
                out[j] = grads[j] - exp(log_probabilities[j]) * total

    return strict_kernel(logsoftmax_backward)
