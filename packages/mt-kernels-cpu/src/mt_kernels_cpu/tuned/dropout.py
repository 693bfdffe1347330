"""Dropout in one pass: which elements stay, and how much larger they become."""

from functools import lru_cache
from typing import Any

import numpy as np

from mt_kernels_cpu.jit import exact
from mt_kernels_cpu.tuned.elementwise import zip_flat
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.layout import Storage


class Dropout(FusedForm):
    """Elements times 0 or the scale; the gradient is multiplied by the same."""

    @staticmethod
    def forward(
        backend: Any,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        rate: float,
        ignore: bool,
        rng: Any,
        scale: float,
    ) -> Any:
        """Draw as the composed definition does; the form declines when there is nothing to do."""
        if ignore or not 0.0 <= rate <= 1.0:
            return None
        draws = np.random.default_rng(rng).random(input.size)
        out, factors = backend.new(input.shape), np.empty(input.size, backend.dtype)
        number = backend.dtype.type
        drop(backend.dtype)(
            out.storage, factors, backend.contiguous(input).flat(), draws, rate, number(scale)
        )
        return out, factors

    @staticmethod
    def backward(backend: Any, saved: Any, grad: TensorData) -> Gradients:
        """Multiply the gradient by the same factors."""
        g = backend.contiguous(grad)
        to = backend.new(grad.shape)
        zip_flat(operators.mul, backend.dtype)(to.storage, g.flat(), saved)
        return (to,)


@lru_cache
def drop(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(out, factors, a, draws, rate, scale)``."""
    zero = dtype.type(0)

    def drop_elements(
        out: Storage, factors: Storage, a: Storage, draws: Storage, rate: float, scale: float
    ) -> None:
        for i in range(len(out)):
            factor = scale if draws[i] >= rate else zero
            factors[i] = factor
            out[i] = a[i] * factor

    return exact(drop_elements)
