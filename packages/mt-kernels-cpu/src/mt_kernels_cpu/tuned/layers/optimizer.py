"""Steps of optimisers: one loop over memory for each parameter, whatever the formula.

A step writes all new values into one new buffer, of which the parameters become views: whoever
still holds the old values keeps them. The same goes for what a rule remembers.
"""

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np

from mt_kernels_cpu.compiling.jit import strict_kernel
from mt_kernels_cpu.tuned.memory import Memory
from mt_tensor import FusedStep, TensorData, TensorList
from mt_tensor.layout import Storage


class _Step(FusedStep[Memory]):
    """What all steps have in common: a kernel that goes once over each parameter."""

    @staticmethod
    @abstractmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return ``kernel(new, *new_slots, old, g, *slots, *settings)``."""

    @classmethod
    def step(
        cls,
        backend: Memory,
        parts: Sequence[TensorList],
        settings: tuple[float, ...],
    ) -> list[list[TensorData]]:
        """Compute all new numbers, of each kind in a buffer of its own."""
        values = [backend.contiguous(value) for value in parts[0]]
        total, places = side_by_side(tuple([value.shape for value in values]))
        kernel, numbers = cls.kernel(backend.dtype), [backend.dtype.type(s) for s in settings]
        old = [[backend.elements(part) for part in each] for each in (values, *parts[1:])]
        # There are new values and slots, but no new gradients.
        buffers = [backend.new((total,)).storage for _ in parts[1:]]
        new = [[buffer[place] for place in places] for buffer in buffers]
        for operands in zip(*new, *old, strict=True):
            kernel(*operands, *numbers)
        return [
            [value.with_storage(storage) for value, storage in zip(values, each, strict=True)]
            for each in new
        ]


@lru_cache(maxsize=64)
def side_by_side(shapes: tuple[tuple[int, ...], ...]) -> tuple[int, list[slice]]:
    """Return the length of a buffer for tensors of some shapes, and the place of each in it."""
    ends = list(accumulate([prod(shape) for shape in shapes], initial=0))
    return ends[-1], [slice(first, end) for first, end in pairwise(ends)]


class Sgd(_Step):
    """The step ``sgd_momentum``."""

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return the compiled loop."""
        return sgd(dtype)


class SgdWithoutMomentum(_Step):
    """The step ``sgd``."""

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return the compiled loop."""
        return plain_sgd(dtype)


class Adam(_Step):
    """The step ``adam``."""

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return the compiled loop."""
        return adam(dtype)


@lru_cache
def plain_sgd(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(new, old, g, lr, weight_decay)``."""

    def descend(new: Storage, old: Storage, g: Storage, lr: float, weight_decay: float) -> None:
        if weight_decay == 0:
            for i in range(len(new)):
                new[i] = old[i] - lr * g[i]
        else:
            for i in range(len(new)):
                new[i] = old[i] - lr * (g[i] + weight_decay * old[i])

    return strict_kernel(descend)


@lru_cache
def sgd(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(new, new_v, old, g, v, lr, momentum, weight_decay, nesterov)``."""

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
    ) -> None:
        for i in range(len(new)):
            grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
            velocity = momentum * v[i] + grad
            new_v[i] = velocity
            new[i] = old[i] - lr * (velocity if nesterov == 0 else grad + momentum * velocity)

    return strict_kernel(descend_with_momentum)


@lru_cache
def adam(dtype: np.dtype[Any]) -> Any:
    """Return the kernel of a step of Adam."""

    def step_adam(
        new: Storage,
        new_mean: Storage,
        new_square: Storage,
        old: Storage,
        g: Storage,
        mean: Storage,
        square: Storage,
        size: float,
        beta1: float,
        beta2: float,
        rest1: float,
        rest2: float,
        factor: float,
        eps: float,
        weight_decay: float,
    ) -> None:
        for i in range(len(new)):
            grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
            m = beta1 * mean[i] + rest1 * grad
            s = beta2 * square[i] + rest2 * (grad * grad)
            new_mean[i], new_square[i] = m, s
            new[i] = old[i] - size * m / (np.sqrt(s) * factor + eps)

    return strict_kernel(step_adam)
