"""Optimiser steps with one launch per parameter; the new values share one buffer.

Old values stay valid. Gradients are separate arrays, as the backward pass allocates them; copying
them into one array would need the same number of launches.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import cuda

from mt_kernels_cuda.jit import Kernel, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.hardware.vec4 import VEC4
from mt_kernels_cuda.tuned.operations.formulas import formula_for
from mt_tensor import FusedStep, TensorData, TensorList, operators
from mt_tensor.layout import Storage, strides_from_shape


class _Step(FusedStep[Device]):
    """Base class of steps that launch one kernel per parameter.

    Attributes:
        kernel: A function that returns, for a dtype,
            ``kernel(new, *new_slots, old, g, *slots, *settings, size)``.
    """

    kernel: ClassVar["staticmethod[[np.dtype[Any]], Kernel]"]

    @classmethod
    def step(
        cls, backend: Device, parts: Sequence[TensorList], settings: npt.NDArray[np.float64]
    ) -> list[list[TensorData]]:
        """Return new values and slots; those of each kind share a buffer."""
        # The parts are values, gradients and slots; there are no new gradients.
        new = [_like(backend, parts[0]) for _ in parts[1:]]
        numbers = [backend.dtype.type(setting) for setting in settings]
        made = cls.kernel(backend.dtype)
        for at, value in enumerate(parts[0]):
            if value.size == 0:
                continue
            read = [backend.contiguous(each[at]).storage for each in parts]
            written = [each[at].storage for each in new]
            arguments = (*written, *read, *numbers, value.size)
            backend.run(Launch(made, blocks_for(value.size, THREADS), THREADS, arguments))
        return new


def _like(backend: Device, values: TensorList) -> list[TensorData]:
    """Return a new tensor for each value, all in one buffer, each aligned to `VEC4` elements."""
    starts = [0]
    for value in values:
        starts.append(starts[-1] + blocks_for(value.size, VEC4) * VEC4)
    buffer = backend.allocate(starts[-1])
    return [
        TensorData.unchecked(
            buffer[start : start + max(1, value.size)],
            value.shape,
            strides_from_shape(value.shape),
        )
        for start, value in zip(starts, values, strict=False)
    ]


@kernel
def descend(
    new: Storage, old: Storage, g: Storage, lr: float, weight_decay: float, size: int
) -> None:
    """Compute a step of gradient descent, one thread per element."""
    i = cuda.grid(1)
    if i < size:
        grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
        new[i] = old[i] - lr * grad


@kernel
def descend_with_momentum(
    new: Storage,
    new_v: Storage,
    old: Storage,
    g: Storage,
    v: Storage,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: float,
    size: int,
) -> None:
    """Compute a step of gradient descent with momentum, one thread per element."""
    i = cuda.grid(1)
    if i < size:
        grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
        velocity = momentum * v[i] + grad
        new_v[i] = velocity
        new[i] = old[i] - lr * (velocity if nesterov == 0 else grad + momentum * velocity)


@lru_cache
def adam(dtype: np.dtype[Any]) -> Kernel:
    """Return the kernel of a step of Adam (D. Kingma, J. Ba, ICLR 2015), one thread per element."""
    sqrt = formula_for(operators.sqrt, dtype)

    @kernel
    def step_adam(
        new: Storage,
        new_mean: Storage,
        new_square: Storage,
        old: Storage,
        g: Storage,
        mean: Storage,
        square: Storage,
        step_size: float,
        beta1: float,
        beta2: float,
        one_minus_beta1: float,
        one_minus_beta2: float,
        root_factor: float,
        eps: float,
        weight_decay: float,
        shrink: float,
        size: int,
    ) -> None:
        i = cuda.grid(1)
        if i < size:
            grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
            m = beta1 * mean[i] + one_minus_beta1 * grad
            s = beta2 * square[i] + one_minus_beta2 * (grad * grad)
            new_mean[i] = m
            new_square[i] = s
            new[i] = shrink * old[i] - step_size * m / (sqrt(s) * root_factor + eps)

    return step_adam


class Sgd(_Step):
    """Gradient descent without momentum."""

    kernel = staticmethod(lambda dtype: descend)


class SgdMomentum(_Step):
    """Gradient descent with momentum."""

    kernel = staticmethod(lambda dtype: descend_with_momentum)


class Adam(_Step):
    """Adam."""

    kernel = staticmethod(adam)
