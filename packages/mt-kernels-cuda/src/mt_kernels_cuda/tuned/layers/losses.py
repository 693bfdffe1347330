"""Losses for several classes, in kernels of one block that sums the losses of all rows.

Scores of three rows of four classes; a block of threads computes a row, another adds the costs::

    block 0    x  [x]  x  x   →   p p p p, cost 0 = - log p[1]
    block 1    x  x  x  [x]   →   p p p p, cost 1 = - log p[3]      →    mean of the costs
    block 2    [x]  x  x  x   →   p p p p, cost 2 = - log p[0]

Targets in host memory are checked on the host; the composed definition raises the error. The
kernels check targets in device memory and return NaN for a target that is not a class, because an
error would need a copy to the host. With `Cuda.debug`, the forms decline targets in device memory,
so that the definition checks them.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import Kernel, device_function, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.integers import divmod
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.layers.probabilities import ROW_THREADS, row_folds, row_top
from mt_kernels_cuda.tuned.operations.folding import sum_in_runs
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.fused.targets import class_targets
from mt_tensor.layout import Storage


class NllLoss(FusedForm[Device]):
    r"""$-\frac{1}{N} \sum_n l_{n, t_n}$; only the elements of the targets have a gradient."""

    @staticmethod
    def forward(
        backend: Device, needs_grad: tuple[bool, ...], log_p: TensorData, targets: Any
    ) -> Any:
        """Return loss and saved values; None unless each row has one valid class."""
        classes = class_numbers(backend, needs_grad, log_p, targets)
        if classes is None:
            return None
        out = backend.empty((1,))
        rows, columns = log_p.shape
        arguments = (out.storage, backend.contiguous(log_p).storage, classes, rows, columns)
        backend.run(Launch(mean_of_classes(backend.dtype, THREADS), 1, THREADS, arguments))
        return out, (log_p.shape, classes, len(needs_grad))

    @staticmethod
    def backward(backend: Device, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of the input: -1 / N times the gradient at the targets, else 0."""
        shape, classes, tensors = saved
        to = backend.empty(shape)
        per_element(backend, nll_back(backend.dtype), to, grad.storage, classes, *shape)
        return (to, None)[:tensors]


class CrossEntropy(FusedForm[Device]):
    r"""The mean of $-\log \mathrm{softmax}(x)_{t}$; $\bar x_n = (p_n - e_{t_n}) / N$."""

    @staticmethod
    def forward(
        backend: Device, needs_grad: tuple[bool, ...], logits: TensorData, targets: Any
    ) -> Any:
        """Return loss and saved values, among them the probabilities."""
        classes = class_numbers(backend, needs_grad, logits, targets)
        if classes is None:
            return None
        p = backend.empty(logits.shape)
        rows, columns = logits.shape
        costs, out = backend.allocate(rows), backend.empty((1,))
        scores = backend.contiguous(logits).storage
        arguments = (costs, p.storage, scores, classes, columns)
        made = cross_entropy_rows(backend.dtype, ROW_THREADS)
        backend.run(Launch(made, rows, ROW_THREADS, arguments))
        total = (out.storage, costs, rows)
        backend.run(Launch(mean_of_costs(backend.dtype, THREADS), 1, THREADS, total))
        return out, (p, classes, len(needs_grad))

    @staticmethod
    def backward(backend: Device, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of the input, computed from the probabilities."""
        p, classes, tensors = saved
        to = backend.empty(p.shape)
        made = cross_entropy_back(backend.dtype)
        per_element(backend, made, to, p.storage, grad.storage, classes, *p.shape)
        return (to, None)[:tensors]


def class_numbers(
    backend: Device, needs_grad: tuple[bool, ...], scores: TensorData, targets: Any
) -> Storage | None:
    """Return the targets in device memory, in the backend's dtype; None unless each row has one."""
    if scores.dims != 2 or scores.size == 0 or any(needs_grad[1:]):
        return None
    if isinstance(targets, TensorData):
        return device_targets(backend, targets, scores.shape[:1])
    rows, count = scores.shape
    classes = class_targets(targets, rows)
    is_exact = count * np.finfo(backend.dtype).eps <= 2
    if classes is None or not (is_exact and 0 <= classes.min() <= classes.max() < count):
        return None
    numbers: Storage = backend.upload(classes.astype(backend.dtype))
    return numbers


def device_targets(backend: Device, targets: TensorData, shape: tuple[int, ...]) -> Storage | None:
    """Return the storage of targets; None if their shape differs or `Cuda.debug` is set."""
    if targets.shape != shape or backend.debug:
        return None
    numbers: Storage = backend.contiguous(targets).storage
    return numbers


def per_element(backend: Device, made: Kernel, to: TensorData, *arguments: Any) -> None:
    """Launch a kernel with one thread per element of `to`."""
    blocks = blocks_for(to.size, THREADS)
    backend.run(Launch(made, blocks, THREADS, (to.storage, *arguments)))


def block_total(threads: int) -> Callable[..., Any]:
    """Return a device function ``total(shared, value)``, the sum of the values of a block."""
    return row_folds(threads)[1]


@lru_cache
def mean_of_costs(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return ``kernel(out, costs, count)`` for one block, which writes the mean."""
    number, total, (push, partial) = dtype.type, block_total(threads), sum_in_runs(dtype)

    @kernel
    def mean_cost(out: Storage, costs: Storage, count: int) -> None:
        shared = cuda.shared.array(threads, dtype)
        sums = (number(0), number(0), number(0), number(0))
        for i in range(cuda.threadIdx.x, count, threads):
            sums = push(sums, i // threads, costs[i])
        whole = total(shared, partial(sums))
        if cuda.threadIdx.x == 0:
            out[0] = whole / number(count)

    return mean_cost


@lru_cache
def class_of(dtype: np.dtype[Any]) -> Callable[..., int]:
    """Return a device function ``class_of(target, columns)``: the class, -1 if it is invalid."""
    number = dtype.type

    @device_function
    def named(target: float, columns: int) -> int:
        # Comparisons with NaN are false.
        if not number(0) <= target < number(columns):
            return -1
        whole = int(target)
        return whole if number(whole) == target else -1

    return named


@lru_cache
def mean_of_classes(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return the forward kernel ``kernel(out, log_p, classes, rows, columns)`` for one block."""
    number, total, named = dtype.type, block_total(threads), class_of(dtype)
    push, partial = sum_in_runs(dtype)

    @kernel
    def nll_forward(
        out: Storage, log_p: Storage, classes: Storage, rows: int, columns: int
    ) -> None:
        shared = cuda.shared.array(threads, dtype)
        sums = (number(0), number(0), number(0), number(0))
        for n in range(cuda.threadIdx.x, rows, threads):
            target = named(classes[n], columns)
            score = log_p[n * columns + target] if target >= 0 else number(math.nan)
            sums = push(sums, n // threads, score)
        whole = total(shared, partial(sums))
        if cuda.threadIdx.x == 0:
            out[0] = -whole / number(rows)

    return nll_forward


@lru_cache
def nll_back(dtype: np.dtype[Any]) -> Kernel:
    """Return the backward kernel ``kernel(to, g, classes, rows, columns)``."""
    number, named = dtype.type, class_of(dtype)

    @kernel
    def nll_backward(to: Storage, g: Storage, classes: Storage, rows: int, columns: int) -> None:
        i = cuda.grid(1)
        if i < rows * columns:
            row, column = divmod(i, columns)
            target = named(classes[row], columns)
            other = number(0) if target >= 0 else number(math.nan)
            to[i] = -g[0] / number(rows) if target == column else other

    return nll_backward


@lru_cache
def cross_entropy_rows(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return the forward kernel ``kernel(costs, p, x, classes, columns)``, one block per row."""
    number, top_of_row, total = dtype.type, row_top(threads), block_total(threads)
    named = class_of(dtype)

    @kernel
    def cross_entropy_forward(
        costs: Storage, p: Storage, x: Storage, classes: Storage, columns: int
    ) -> None:
        tops, sums = cuda.shared.array(threads, dtype), cuda.shared.array(threads, dtype)
        row, thread = cuda.blockIdx.x, cuda.threadIdx.x
        start = row * columns
        top = top_of_row(tops, x, columns)
        partial = number(0)
        for j in range(thread, columns, threads):
            power = math.exp(x[start + j] - top)
            p[start + j] = power
            partial += power
        whole = total(sums, partial)
        for j in range(thread, columns, threads):
            p[start + j] = p[start + j] / whole
        if thread == 0:
            target = named(classes[row], columns)
            score = x[start + target] if target >= 0 else number(math.nan)
            costs[row] = math.log(whole) - (score - top)

    return cross_entropy_forward


@lru_cache
def cross_entropy_back(dtype: np.dtype[Any]) -> Kernel:
    """Return the backward kernel ``kernel(to, p, g, classes, rows, columns)``."""
    number, named = dtype.type, class_of(dtype)

    @kernel
    def cross_entropy_backward(
        to: Storage, p: Storage, g: Storage, classes: Storage, rows: int, columns: int
    ) -> None:
        i = cuda.grid(1)
        if i < rows * columns:
            row, column = divmod(i, columns)
            target = named(classes[row], columns)
            other = number(0) if target >= 0 else number(math.nan)
            indicator = number(1) if target == column else other
            to[i] = (p[i] - indicator) * (g[0] / number(rows))

    return cross_entropy_backward
