"""Optimiser steps with one launch per parameter; all new values and slots share one buffer.

Old values stay valid. Gradients are separate arrays, as the backward pass allocates them; copying
them into one array would need the same number of launches. The buffer after a step of Adam on two
parameters p and q; one launch writes all elements of p, one thread each of the three kinds::

    values       means        squares
    p p p q q .  p p p q q .  p p p q q .
    ↑ ─ distance → ↑ ─────────→ ↑
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, ClassVar, NamedTuple

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


class SgdSettings(NamedTuple):
    """Settings of `mt_tensor.fused.operations.SGD`."""

    lr: float
    weight_decay: float


class MomentumSettings(NamedTuple):
    """Settings of `mt_tensor.fused.operations.SGD_MOMENTUM`."""

    lr: float
    momentum: float
    weight_decay: float
    nesterov: float


class AdamSettings(NamedTuple):
    """Settings of `mt_tensor.fused.operations.ADAM`."""

    step_size: float
    beta1: float
    beta2: float
    one_minus_beta1: float
    one_minus_beta2: float
    root_factor: float
    eps: float
    weight_decay: float
    shrink: float


class Sizes(NamedTuple):
    """Sizes of a launch.

    Attributes:
        size: The number of elements of the parameter.
        distance: The distance of the new values of one kind from those of the next.
    """

    size: int
    distance: int


class _Step(FusedStep[Device]):
    """Base class of steps that launch one kernel per parameter.

    Attributes:
        kernel: A function that returns, for a dtype, ``kernel(new, old, g, *slots, settings,
            sizes)``. The new slots follow the new values at multiples of the distance.
        settings: The class of the settings.
    """

    kernel: ClassVar["staticmethod[[np.dtype[Any]], Kernel]"]
    settings: ClassVar[type[tuple[Any, ...]]]

    @classmethod
    def step(
        cls, backend: Device, parts: Sequence[TensorList], settings: npt.NDArray[np.float64]
    ) -> list[list[TensorData]]:
        """Return new values and slots, which share a buffer."""
        values = parts[0]
        # Each tensor is aligned to `VEC4` elements.
        counts = [blocks_for(value.size, VEC4) * VEC4 for value in values]
        *starts, distance = accumulate(counts, initial=0)
        # The parts are values, gradients and slots; there are no new gradients.
        kinds = len(parts) - 1
        buffer = backend.allocate(kinds * distance)
        numbers = cls.settings(*[backend.dtype.type(setting) for setting in settings])
        made = cls.kernel(backend.dtype)
        for at, (start, value) in enumerate(zip(starts, values, strict=True)):
            if value.size == 0:
                continue
            read = [backend.contiguous(each[at]).storage for each in parts]
            arguments = (buffer[start:], *read, numbers, Sizes(value.size, distance))
            backend.run(Launch(made, blocks_for(value.size, THREADS), THREADS, arguments))
        return [
            [
                _view(buffer, kind * distance + start, value)
                for start, value in zip(starts, values, strict=True)
            ]
            for kind in range(kinds)
        ]


def _view(buffer: Storage, start: int, like: TensorData) -> TensorData:
    """Return the part of a buffer from `start` on, in the shape of a tensor."""
    storage = buffer[start : start + max(1, like.size)]
    return TensorData.unchecked(storage, like.shape, strides_from_shape(like.shape))


@kernel
def descend(new: Storage, old: Storage, g: Storage, settings: SgdSettings, sizes: Sizes) -> None:
    """Compute a step of gradient descent, one thread per element."""
    (lr, weight_decay), (size, _) = settings, sizes
    i = cuda.grid(1)
    if i < size:
        grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
        new[i] = old[i] - lr * grad


@kernel
def descend_with_momentum(
    new: Storage,
    old: Storage,
    g: Storage,
    v: Storage,
    settings: MomentumSettings,
    sizes: Sizes,
) -> None:
    """Compute a step of gradient descent with momentum, one thread per element."""
    (lr, momentum, weight_decay, nesterov), (size, distance) = settings, sizes
    i = cuda.grid(1)
    if i < size:
        grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
        velocity = momentum * v[i] + grad
        new[distance + i] = velocity
        new[i] = old[i] - lr * (velocity if nesterov == 0 else grad + momentum * velocity)


@lru_cache
def adam(dtype: np.dtype[Any]) -> Kernel:
    """Return the kernel of a step of Adam (D. Kingma, J. Ba, ICLR 2015), one thread per element."""
    sqrt = formula_for(operators.sqrt, dtype)

    @kernel
    def step_adam(
        new: Storage,
        old: Storage,
        g: Storage,
        mean: Storage,
        square: Storage,
        settings: AdamSettings,
        sizes: Sizes,
    ) -> None:
        step_size, beta1, beta2, one_minus_beta1, one_minus_beta2, _, _, _, _ = settings
        _, _, _, _, _, root_factor, eps, weight_decay, shrink = settings
        size, distance = sizes
        i = cuda.grid(1)
        if i < size:
            grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
            m = beta1 * mean[i] + one_minus_beta1 * grad
            s = beta2 * square[i] + one_minus_beta2 * (grad * grad)
            new[distance + i] = m
            new[2 * distance + i] = s
            new[i] = shrink * old[i] - step_size * m / (sqrt(s) * root_factor + eps)

    return step_adam


class Sgd(_Step):
    """Gradient descent without momentum."""

    kernel = staticmethod(lambda dtype: descend)
    settings = SgdSettings


class SgdMomentum(_Step):
    """Gradient descent with momentum."""

    kernel = staticmethod(lambda dtype: descend_with_momentum)
    settings = MomentumSettings


class Adam(_Step):
    """Adam."""

    kernel = staticmethod(adam)
    settings = AdamSettings
