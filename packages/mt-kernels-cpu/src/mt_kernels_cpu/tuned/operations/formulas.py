"""Scalar formulas in a form that compilers vectorise.

The formulas of `mt_tensor.operators` compile as they are. Some run faster in another form: those
with an exponential, and those whose constants are doubles, to which the compiler would convert
every float. The results agree up to the rounding that
`mt_kernels_cpu.tuned.operations.exponential` and `error_function` state.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from mt_kernels_cpu.compiling.jit import compile_helpers, formula, helper
from mt_kernels_cpu.tuned.operations.error_function import (
    gelu_back_float32,
    gelu_float32,
    tanh_float32,
)
from mt_kernels_cpu.tuned.operations.exponential import exp_float32, exp_float64
from mt_tensor import operators

ZERO, ONE = np.float32(0.0), np.float32(1.0)


@helper
def relu_float32(x: Any) -> Any:
    """Return x where it is positive, else 0; NaN stays NaN."""
    return ZERO if x <= ZERO else x


@helper
def relu_back_float32(x: Any, d: Any) -> Any:
    """Return d where x is positive, else 0."""
    return d if x > ZERO else ZERO


@helper
def sigmoid_float32(x: Any) -> Any:
    r"""Return $\frac{1}{1 + e^{-x}}$. The exponent is never positive, so it cannot overflow."""
    z = exp_float32(-abs(x))
    return (ONE if x >= ZERO else z) / (ONE + z)


@helper
def sigmoid_float64(x: Any) -> Any:
    r"""Return $\frac{1}{1 + e^{-x}}$. The exponent is never positive, so it cannot overflow."""
    z = exp_float64(-abs(x))
    return (1.0 if x >= 0.0 else z) / (1.0 + z)


@helper
def sigmoid_back_float32(s: Any, d: Any) -> Any:
    """Return d s (1 - s), the derivative in terms of the result s."""
    return d * s * (ONE - s)


_SUBSTITUTES: dict[tuple[Callable[..., float], Any], Callable[..., Any]] = {
    (operators.exp, np.float32): exp_float32,
    (operators.exp, np.float64): exp_float64,
    (operators.relu, np.float32): relu_float32,
    (operators.relu_back, np.float32): relu_back_float32,
    (operators.sigmoid, np.float32): sigmoid_float32,
    (operators.sigmoid, np.float64): sigmoid_float64,
    (operators.sigmoid_back, np.float32): sigmoid_back_float32,
    (operators.tanh, np.float32): tanh_float32,
    (operators.gelu, np.float32): gelu_float32,
    (operators.gelu_back, np.float32): gelu_back_float32,
}


@lru_cache(maxsize=256)
def formula_for(fn: Callable[..., float], dtype: np.dtype[Any]) -> Callable[..., Any]:
    """Return a formula, compiled for use inside kernels on elements of a dtype."""
    return _SUBSTITUTES.get((fn, dtype.type)) or formula(compile_helpers(fn))
