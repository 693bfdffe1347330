"""Scaling of gradients to a norm: one pass for the norm, one for the gradients.

Gradients of two parameters, and the memory between both passes::

    gradients    g g g g    h h h
    sums         Σ g²       Σ h²       factor = limit / √(Σ g² + Σ h²), at most 1
    result       g g g g h h h, each times the factor, in one buffer
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from mt_kernels_cpu.compiling.jit import fastmath_helper, strict_kernel, strict_nogil_kernel
from mt_kernels_cpu.tuned.layers.optimizer import buffer_slices, for_each_tensor
from mt_kernels_cpu.tuned.memory import Memory
from mt_tensor import FusedForm, TensorData, TensorList
from mt_tensor.layout import Storage

STEPS_PER_ELEMENT = 8
"""The time of an element in each pass, in multiplications."""


class ClipGradNorm(FusedForm[Memory]):
    """Gradients, scaled to a norm; no step of `mt_autodiff`, so it has no `backward`."""

    @staticmethod
    def forward(
        backend: Memory, needs_grad: tuple[bool, ...], grads: TensorList, max_norm: float
    ) -> list[TensorData]:
        """Return the scaled gradients, which lie in one buffer, and the norm before, (1,)."""
        total, slices = buffer_slices(tuple([grad.shape for grad in grads]))
        elements = [backend.elements(grad) for grad in grads]
        norm = backend.new((1,))
        # The factor is in double precision, the squares are sums of doubles.
        sums, squares = np.zeros(len(grads) + 1), add_squares(backend.dtype)
        for_each_tensor(slices, STEPS_PER_ELEMENT, lambda at: squares(sums, at, elements[at]))
        norm_and_factor(backend.dtype)(norm.storage, sums, float(max_norm))
        buffer, kernel = backend.new((total,)).storage, scale(backend.dtype)
        scaled = [buffer[part] for part in slices]
        for_each_tensor(
            slices, STEPS_PER_ELEMENT, lambda at: kernel(scaled[at], elements[at], sums)
        )
        results = zip(grads, scaled, strict=True)
        return [*(backend.contiguous(grad).with_storage(each) for grad, each in results), norm]


@fastmath_helper
def _sum_of_squares(x: Storage) -> float:
    total = 0.0
    for i in range(len(x)):
        value = np.float64(x[i])
        total += value * value
    return total


@lru_cache
def add_squares(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(sums, at, x)``, which writes the sum of squares of x, in double precision."""

    def write_sum_of_squares(sums: Storage, at: int, x: Storage) -> None:
        sums[at] = _sum_of_squares(x)

    return strict_nogil_kernel(write_sum_of_squares)


@lru_cache
def norm_and_factor(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(norm, sums, max_norm)``: the norm, and the factor as the last of the sums."""

    def write_norm(norm: Storage, sums: Storage, max_norm: float) -> None:
        total = 0.0
        for i in range(len(sums) - 1):
            total += sums[i]
        root = math.sqrt(total)
        norm[0] = root
        sums[-1] = max_norm / root if max_norm < root < math.inf else 1.0

    return strict_kernel(write_norm)


@lru_cache
def scale(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(to, x, sums)``, which multiplies by the last of the sums."""
    number = dtype.type

    def multiply_by_factor(to: Storage, x: Storage, sums: Storage) -> None:
        factor = number(sums[-1])
        for i in range(len(to)):
            to[i] = x[i] * factor

    return strict_nogil_kernel(multiply_by_factor)
