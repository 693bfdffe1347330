"""Losses for two classes, in kernels of one block that sums the losses of all elements.

One block of four threads 0 … 3 for ten elements; then the sums of the threads are added::

    elements   x0 x1 x2 x3  x4 x5 x6 x7  x8 x9
    thread      0  1  2  3   0  1  2  3   0  1   →  0 + 2, 1 + 3  →  0 + 1  →  loss

Targets in host memory are checked on the host, as in `mt_kernels_cuda.tuned.layers.losses`. A
target in device memory that is not a probability makes the loss NaN.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import Kernel, device_function, kernel
from mt_kernels_cuda.launching import Launch
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.layers.losses import block_total, device_targets, per_element
from mt_kernels_cuda.tuned.operations.folding import sum_in_runs
from mt_kernels_cuda.tuned.operations.formulas import formula_for
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.fused.targets import flat_targets, min_probability
from mt_tensor.layout import Storage


class _Binary(FusedForm[Device], ABC):
    """Base class of losses: the mean of the losses of all elements."""

    @staticmethod
    @abstractmethod
    def kernels(dtype: np.dtype[Any]) -> tuple[Kernel, Kernel]:
        """Return ``forward(out, x, t, count)`` and ``backward(to, x, t, g, count)``."""

    @classmethod
    def forward(
        cls, backend: Device, needs_grad: tuple[bool, ...], input: TensorData, targets: Any
    ) -> Any:
        """Return loss and saved values, or None if the targets are not probabilities."""
        t = probabilities(backend, needs_grad, input, targets)
        if t is None:
            return None
        x, out = backend.contiguous(input), backend.empty((1,))
        arguments = (out.storage, x.storage, t, x.size)
        forward, _ = cls.kernels(backend.dtype)
        backend.run(Launch(forward, 1, THREADS, arguments))
        return out, (x, t, len(needs_grad))

    @classmethod
    def backward(cls, backend: Device, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of the input, computed from input and targets."""
        x, t, tensors = saved
        to = backend.empty(x.shape)
        _, backward = cls.kernels(backend.dtype)
        per_element(backend, backward, to, x.storage, t, grad.storage, to.size)
        return (to, None)[:tensors]


class BinaryCrossEntropy(_Binary):
    r"""The mean of $-(t \log p + (1 - t) \log(1 - p))$; $\bar p = ((1-t)/(1-p) - t/p) / N$.

    As in the composed definition, $p$ and $1 - p$ are clamped from below to $e^{-100}$ or the
    smallest normal number, and have no gradient below it.
    """

    @classmethod
    def forward(
        cls, backend: Device, needs_grad: tuple[bool, ...], input: TensorData, targets: Any
    ) -> Any:
        """Return loss and saved values; None with `Cuda.debug`, so that the definition checks."""
        return None if backend.debug else super().forward(backend, needs_grad, input, targets)

    @staticmethod
    def kernels(dtype: np.dtype[Any]) -> tuple[Kernel, Kernel]:
        """Return the kernels of forward and backward pass."""
        return mean_of_probabilities(dtype, THREADS), probabilities_back(dtype)


class BinaryCrossEntropyWithLogits(_Binary):
    r"""The mean of $\log(1 + e^x) - t x$; $\bar x = (\sigma(x) - t) / N$."""

    @staticmethod
    def kernels(dtype: np.dtype[Any]) -> tuple[Kernel, Kernel]:
        """Return the kernels of forward and backward pass."""
        return mean_of_scores(dtype, THREADS), scores_back(dtype)


def probabilities(
    backend: Device, needs_grad: tuple[bool, ...], input: TensorData, targets: Any
) -> Storage | None:
    """Return the targets in device memory; None unless each element has a probability."""
    if any(needs_grad[1:]) or input.size == 0:
        return None
    if isinstance(targets, TensorData):
        return device_targets(backend, targets, input.shape)
    flat = flat_targets(targets, input.shape, backend.dtype)
    if flat is None or np.any((flat < 0) | (flat > 1)):
        return None
    numbers: Storage = backend.upload(flat)
    return numbers


@lru_cache
def probability(dtype: np.dtype[Any]) -> Callable[[float], float]:
    """Return a device function ``probability(x)``: x if it is in [0, 1], else NaN."""
    number = dtype.type

    @device_function
    def checked(x: float) -> float:
        result: float = x if number(0) <= x <= number(1) else number(math.nan)
        return result

    return checked


@lru_cache
def mean_of_probabilities(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return the forward kernel ``kernel(out, p, t, count)`` for one block."""
    number, total, checked = dtype.type, block_total(threads), probability(dtype)
    relu, least = formula_for(operators.relu, dtype), number(min_probability(dtype))
    push, partial = sum_in_runs(dtype)

    @kernel
    def bce_of_probabilities(out: Storage, p: Storage, t: Storage, count: int) -> None:
        shared = cuda.shared.array(threads, dtype)
        sums = (number(0), number(0), number(0), number(0))
        for i in range(cuda.threadIdx.x, count, threads):
            one, target = checked(p[i]), checked(t[i])
            log_p = math.log(relu(one - least) + least)
            log_q = math.log(relu(number(1) - one - least) + least)
            sums = push(sums, i // threads, log_p * target + log_q * (number(1) - target))
        whole = total(shared, partial(sums))
        if cuda.threadIdx.x == 0:
            out[0] = -whole / number(count)

    return bce_of_probabilities


@lru_cache
def probabilities_back(dtype: np.dtype[Any]) -> Kernel:
    """Return the backward kernel ``kernel(to, p, t, g, count)``, one thread per element."""
    number, checked = dtype.type, probability(dtype)
    least = number(min_probability(dtype))

    @device_function
    def slope(x: float) -> float:
        above = x - least
        result: float = number(1) / (above + least) if above > number(0) else number(0)
        return result

    @kernel
    def bce_of_probabilities_backward(
        to: Storage, p: Storage, t: Storage, g: Storage, count: int
    ) -> None:
        i = cuda.grid(1)
        if i < count:
            target = checked(t[i])
            rest = number(1) - target
            cost = rest * slope(number(1) - p[i]) - target * slope(p[i])
            to[i] = cost * (g[0] / number(count))

    return bce_of_probabilities_backward


@lru_cache
def mean_of_scores(dtype: np.dtype[Any], threads: int) -> Kernel:
    """Return the forward kernel ``kernel(out, x, t, count)`` for one block."""
    number, total, checked = dtype.type, block_total(threads), probability(dtype)
    relu, (push, partial) = formula_for(operators.relu, dtype), sum_in_runs(dtype)

    @kernel
    def bce_forward(out: Storage, x: Storage, t: Storage, count: int) -> None:
        shared = cuda.shared.array(threads, dtype)
        sums = (number(0), number(0), number(0), number(0))
        for i in range(cuda.threadIdx.x, count, threads):
            top = relu(x[i])
            rest = number(math.log(math.exp(-top) + math.exp(x[i] - top)))
            # Subtract the large terms first: they may cancel, and the small term must not be
            # rounded away.
            sums = push(sums, i // threads, (top - x[i] * checked(t[i])) + rest)
        whole = total(shared, partial(sums))
        if cuda.threadIdx.x == 0:
            out[0] = whole / number(count)

    return bce_forward


@lru_cache
def scores_back(dtype: np.dtype[Any]) -> Kernel:
    """Return the backward kernel ``kernel(to, x, t, g, count)``, one thread per element."""
    number, checked = dtype.type, probability(dtype)
    sigmoid = formula_for(operators.sigmoid, dtype)

    @kernel
    def bce_backward(to: Storage, x: Storage, t: Storage, g: Storage, count: int) -> None:
        i = cuda.grid(1)
        if i < count:
            to[i] = (sigmoid(x[i]) - checked(t[i])) * (g[0] / number(count))

    return bce_backward
