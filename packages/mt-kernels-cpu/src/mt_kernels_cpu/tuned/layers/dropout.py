"""Dropout, after ReLU on request, in one pass.

Elements, random draws for the rate 0.5, and the factors that the backward pass uses again::

    elements    1.0    2.0   -3.0    4.0
    draws       0.7    0.2    0.9    0.6
    factors     2      0      2      2
    out         2.0    0.0   -6.0    8.0
"""

from functools import lru_cache
from typing import Any

import numpy as np

from mt_kernels_cpu.compiling.jit import strict_kernel
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.elementwise import zip_flat
from mt_tensor import FusedForm, Gradients, TensorData, operators, recording
from mt_tensor.fused.arguments import inverted_scale
from mt_tensor.layout import Storage


class Dropout(FusedForm[Memory]):
    """Elements times 0 or the scale; the gradient is multiplied by the same factors.

    With ReLU, negative elements are 0 before, and elements that are not positive have no gradient.
    """

    @staticmethod
    def forward(
        backend: Memory,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        rate: float,
        ignore: bool,
        rng: Any,
        scale: float | None,
        activation: str | None,
    ) -> Any:
        """Draw as many numbers from the same generator as the composed definition, and scale.

        Returns None, so that the composed function runs, if nothing is dropped, and for a rate
        outside of [0, 1] or an activation other than ReLU.
        """
        if ignore or not 0.0 <= rate <= 1.0 or activation not in (None, "relu"):
            return None
        relu = activation == "relu"
        draws = recording.computed(np.random.default_rng(rng).random, input.size)
        out, factors = backend.new(input.shape), np.empty(input.size, backend.dtype)
        elements, kernel = backend.elements(input), dropout_kernel(backend.dtype)
        factor = backend.dtype.type(inverted_scale(rate) if scale is None else scale)
        kernel(out.storage, factors, elements, draws, rate, factor, relu)
        return out, (factors, elements if relu else None)

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of the input: the gradient times the factors of the forward pass."""
        factors, elements = saved
        result, g = backend.new(grad.shape), backend.elements(grad)
        zip_flat(operators.mul, backend.dtype)(result.storage, g, factors)
        if elements is not None:
            zip_flat(operators.relu_back, backend.dtype)(result.storage, elements, result.storage)
        return (result,)


@lru_cache
def dropout_kernel(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(out, factors, a, draws, rate, scale, relu)``; all arrays have one length."""
    zero = dtype.type(0)

    def dropout(
        out: Storage,
        factors: Storage,
        a: Storage,
        draws: Storage,
        rate: float,
        scale: float,
        relu: bool,
    ) -> None:
        for i in range(len(out)):
            factor = scale if draws[i] >= rate else zero
            factors[i] = factor
            # NaN stays NaN: the comparison is False.
            out[i] = (zero if relu and a[i] <= zero else a[i]) * factor

    return strict_kernel(dropout)
