"""Losses: one block adds up what every row or element costs.

Targets come from the host, where they are checked; what the forms decline, the composed definition
refuses with its error. Afterwards they are on the device, and nothing returns.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from mt_kernels_cuda.jit import Kernel, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.formulas import formula_for
from mt_kernels_cuda.tuned.probabilities import ROW_THREADS, row_folds, row_top
from mt_kernels_cuda.tuned.shapes import THREADS
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.layout import Storage

if TYPE_CHECKING:
    from mt_kernels_cuda.tuned.backend import TunedCuda


class NllLoss(FusedForm):
    r"""$-\frac{1}{N} \sum_n l_{n, t_n}$; only the cells of the targets have a gradient."""

    @staticmethod
    def forward(
        backend: "TunedCuda", needs_grad: tuple[bool, ...], log_p: TensorData, targets: Any
    ) -> Any:
        """Add up the cells; the form declines whatever is not one class for each row."""
        given = class_numbers(backend, needs_grad, log_p, targets)
        if given is None:
            return None
        classes, out = backend.upload(given), backend.empty((1,))
        rows, columns = log_p.shape
        arguments = (out.storage, backend.contiguous(log_p).storage, classes, rows, columns)
        backend.run(Launch(mean_of_classes(backend.dtype, THREADS), 1, THREADS, arguments))
        return out, (log_p.shape, classes, len(needs_grad))

    @staticmethod
    def backward(backend: "TunedCuda", saved: Any, grad: TensorData) -> Gradients:
        """Write -1 / N times the gradient to the cells of the targets."""
        shape, classes, tensors = saved
        to = backend.empty(shape)
        _per_element(backend, nll_back(backend.dtype), to, grad.storage, classes, *shape)
        return (to, None)[:tensors]


class CrossEntropy(FusedForm):
    r"""The mean of $-\log \mathrm{softmax}(x)_{t}$; $\bar x_n = (p_n - e_{t_n}) / N$."""

    @staticmethod
    def forward(
        backend: "TunedCuda", needs_grad: tuple[bool, ...], logits: TensorData, targets: Any
    ) -> Any:
        """Compute the loss and keep the probabilities."""
        given = class_numbers(backend, needs_grad, logits, targets)
        if given is None:
            return None
        classes, p = backend.upload(given), backend.empty(logits.shape)
        rows, columns = logits.shape
        costs, out = backend.cells(rows), backend.empty((1,))
        scores = backend.contiguous(logits).storage
        arguments = (costs, p.storage, scores, classes, columns)
        made = cross_entropy_rows(backend.dtype, ROW_THREADS)
        backend.run(Launch(made, rows, ROW_THREADS, arguments))
        total = (out.storage, costs, rows)
        backend.run(Launch(mean_of_costs(backend.dtype, THREADS), 1, THREADS, total))
        return out, (p, classes, len(needs_grad))

    @staticmethod
    def backward(backend: "TunedCuda", saved: Any, grad: TensorData) -> Gradients:
        """Compute the gradient from the probabilities."""
        p, classes, tensors = saved
        to = backend.empty(p.shape)
        made = cross_entropy_back(backend.dtype)
        _per_element(backend, made, to, p.storage, grad.storage, classes, *p.shape)
        return (to, None)[:tensors]


class BinaryCrossEntropyWithLogits(FusedForm):
    r"""The mean of $\log(1 + e^x) - t x$; $\bar x = (\sigma(x) - t) / N$."""

    @staticmethod
    def forward(
        backend: "TunedCuda", needs_grad: tuple[bool, ...], logits: TensorData, targets: Any
    ) -> Any:
        """Compute the loss; the form declines targets that are no probabilities."""
        if any(needs_grad[1:]) or logits.size == 0 or isinstance(targets, TensorData):
            return None
        given = np.asarray(targets)
        if given.shape != logits.shape or given.dtype.kind not in "iufb":
            return None
        wanted = given.astype(backend.dtype, order="C").reshape(-1)
        if np.any((wanted < 0) | (wanted > 1)):
            return None
        goals, out = backend.upload(wanted), backend.empty((1,))
        scores = backend.contiguous(logits)
        arguments = (out.storage, scores.storage, goals, logits.size)
        made = mean_binary_cross_entropy(backend.dtype, THREADS)
        backend.run(Launch(made, 1, THREADS, arguments))
        return out, (scores, goals, len(needs_grad))

    @staticmethod
    def backward(backend: "TunedCuda", saved: Any, grad: TensorData) -> Gradients:
        """Compute the gradient from scores and targets."""
        scores, goals, tensors = saved
        to = backend.empty(scores.shape)
        made = binary_cross_entropy_back(backend.dtype)
        _per_element(backend, made, to, scores.storage, goals, grad.storage, to.size)
        return (to, None)[:tensors]


def class_numbers(
    backend: "TunedCuda", needs_grad: tuple[bool, ...], scores: TensorData, targets: Any
) -> npt.NDArray[np.int64] | None:
    """Return targets as an array of their own, None unless there is a class for each row."""
    if scores.dims != 2 or scores.size == 0 or any(needs_grad[1:]):
        return None
    if isinstance(targets, TensorData):
        # The definition fetches them, and so it warns.
        return None
    given = np.asarray(targets)
    if given.shape != (scores.shape[0],) or given.dtype.kind not in "iuf":
        return None
    if given.dtype.kind == "f" and not np.array_equal(given, np.floor(given)):
        return None
    classes = given.astype(np.int64)
    return classes if 0 <= classes.min() <= classes.max() < scores.shape[1] else None


def _per_element(backend: "TunedCuda", made: Kernel, to: TensorData, *arguments: Any) -> None:
    """Launch a thread for each element of `to`."""
    blocks = blocks_for(to.size, THREADS)
    backend.run(Launch(made, blocks, THREADS, (to.storage, *arguments)))


def block_total(threads: int) -> Callable[..., Any]:
    """Return ``total(cells, value)`` of a block of threads."""
    return row_folds(threads)[1]


@lru_cache
def mean_of_costs(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return ``kernel(out, costs, count)`` for one block."""
    number, total = dtype.type, block_total(threads)

    @kernel
    def mean_cost(out: Storage, costs: Storage, count: int) -> None:
        cells = cuda.shared.array(threads, dtype)
        own = number(0)
        for i in range(cuda.threadIdx.x, count, threads):
            own += costs[i]
        whole = total(cells, own)
        if cuda.threadIdx.x == 0:
            out[0] = whole / number(count)

    return mean_cost


@lru_cache
def mean_of_classes(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return ``kernel(out, log_p, classes, rows, columns)`` for one block."""
    number, total = dtype.type, block_total(threads)

    @kernel
    def nll_forward(
        out: Storage, log_p: Storage, classes: Storage, rows: int, columns: int
    ) -> None:
        cells = cuda.shared.array(threads, dtype)
        own = number(0)
        for n in range(cuda.threadIdx.x, rows, threads):
            own -= log_p[n * columns + classes[n]]
        whole = total(cells, own)
        if cuda.threadIdx.x == 0:
            out[0] = whole / number(rows)

    return nll_forward


@lru_cache
def nll_back(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(to, g, classes, rows, columns)``."""
    number = dtype.type

    @kernel
    def nll_backward(to: Storage, g: Storage, classes: Storage, rows: int, columns: int) -> None:
        i = cuda.grid(1)
        if i < rows * columns:
            here = classes[i // columns] == i % columns
            to[i] = -g[0] / number(rows) if here else number(0)

    return nll_backward


@lru_cache
def cross_entropy_rows(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return ``kernel(costs, p, x, classes, columns)``: a block for each row."""
    number, top_of_row, total = dtype.type, row_top(threads), block_total(threads)

    @kernel
    def cross_entropy_forward(
        costs: Storage, p: Storage, x: Storage, classes: Storage, columns: int
    ) -> None:
        tops, sums = cuda.shared.array(threads, dtype), cuda.shared.array(threads, dtype)
        row, thread = cuda.blockIdx.x, cuda.threadIdx.x
        start = row * columns
        top = top_of_row(tops, x, columns)
        own = number(0)
        for j in range(thread, columns, threads):
            power = math.exp(x[start + j] - top)
            p[start + j] = power
            own += power
        whole = total(sums, own)
        for j in range(thread, columns, threads):
            p[start + j] = p[start + j] / whole
        if thread == 0:
            costs[row] = math.log(whole) - (x[start + classes[row]] - top)

    return cross_entropy_forward


@lru_cache
def cross_entropy_back(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(to, p, g, classes, rows, columns)``."""
    number = dtype.type

    @kernel
    def cross_entropy_backward(
        to: Storage, p: Storage, g: Storage, classes: Storage, rows: int, columns: int
    ) -> None:
        i = cuda.grid(1)
        if i < rows * columns:
            target = number(1) if classes[i // columns] == i % columns else number(0)
            to[i] = (p[i] - target) * (g[0] / number(rows))

    return cross_entropy_backward


@lru_cache
def mean_binary_cross_entropy(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return ``kernel(out, x, t, count)`` for one block."""
    number, total = dtype.type, block_total(threads)
    relu = formula_for(operators.relu, dtype)

    @kernel
    def bce_forward(out: Storage, x: Storage, t: Storage, count: int) -> None:
        cells = cuda.shared.array(threads, dtype)
        own = number(0)
        for i in range(cuda.threadIdx.x, count, threads):
            top = relu(x[i])
            rest = number(math.log(math.exp(-top) + math.exp(x[i] - top)))
            # The large terms first: they may cancel, and the small one remains.
            own += (top - x[i] * t[i]) + rest
        whole = total(cells, own)
        if cuda.threadIdx.x == 0:
            out[0] = whole / number(count)

    return bce_forward


@lru_cache
def binary_cross_entropy_back(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(to, x, t, g, count)``."""
    number, sigmoid = dtype.type, formula_for(operators.sigmoid, dtype)

    @kernel
    def bce_backward(to: Storage, x: Storage, t: Storage, g: Storage, count: int) -> None:
        i = cuda.grid(1)
        if i < count:
            to[i] = (sigmoid(x[i]) - t[i]) * (g[0] / number(count))

    return bce_backward
