"""Formulas in single precision.

The constants in `mt_tensor.operators` are doubles, and an operation on a float and a double gives a
double. Consumer GPUs have one double-precision unit per 32 or 64 single-precision units. So this
module has a copy of each formula with constants, in which the constants are floats. The other
formulas are compiled unchanged. A test compares all copies with their formulas.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from mt_kernels_cuda.jit import KERNEL_CACHE_SIZE, device_function
from mt_tensor import operators

ZERO, ONE, EPS = np.float32(0.0), np.float32(1.0), np.float32(operators.EPS)
EPS_REST = np.float32(operators.EPS - float(EPS))
"""The rest of the constant that `EPS` does not hold: it decides where x is close to -EPS."""
MAX_EXPONENT = np.float32(88.72283)
"""Largest float whose exponential is finite; `exp` returns infinity beyond it."""
INFINITE, UNDEFINED = np.float32(math.inf), np.float32(math.nan)
HALF, ROOT_OF_HALF = np.float32(0.5), np.float32(operators.ROOT_OF_HALF)
DENSITY_AT_0 = np.float32(operators.DENSITY_AT_0)
TWO_BY_ROOT_OF_PI = np.float32(operators.TWO_BY_ROOT_OF_PI)
WHOLE = np.float32(2.0**23)
"""Smallest float from which on all floats are whole numbers."""


def exp(x: Any) -> Any:
    """Compute `operators.exp`: $e^x$."""
    return INFINITE if x > MAX_EXPONENT else math.exp(x)


def log(x: Any) -> Any:
    r"""Compute `operators.log`: $\log(x + \epsilon)$."""
    shifted = (x + EPS) + EPS_REST
    if shifted > ZERO:
        return math.log(shifted)
    return -INFINITE if shifted == ZERO else UNDEFINED


def ln(x: Any) -> Any:
    """Compute `operators.ln`: the natural logarithm."""
    if x > ZERO:
        return math.log(x)
    return -INFINITE if x == ZERO else UNDEFINED


def inv(x: Any) -> Any:
    """Compute `operators.inv`: 1 / x."""
    return ONE / x


def sqrt(x: Any) -> Any:
    """Compute `operators.sqrt`: the square root."""
    return math.sqrt(x) if x >= ZERO else UNDEFINED


def log1p(x: Any) -> Any:
    r"""Compute `operators.log1p`: $\log(1 + x)$."""
    if x > -ONE:
        return math.log1p(x)
    return -INFINITE if x == -ONE else UNDEFINED


def sin(x: Any) -> Any:
    """Compute `operators.sin`: the sine."""
    return math.sin(x) if -INFINITE < x < INFINITE else UNDEFINED


def cos(x: Any) -> Any:
    """Compute `operators.cos`: the cosine."""
    return math.cos(x) if -INFINITE < x < INFINITE else UNDEFINED


def floor(x: Any) -> Any:
    """Compute `operators.floor`: the largest whole number that is not above x."""
    return np.float32(math.floor(x)) if -WHOLE < x < WHOLE else x


def power(x: Any, p: Any) -> Any:
    r"""Compute `operators.power`: $x^p$."""
    return x**p


def power_back(x: Any, p: Any) -> Any:
    """Compute `operators.power_back`: $p x^{p - 1}$, 0 for p = 0."""
    return ZERO if p == ZERO else p * x ** (p - ONE)


def power_log(x: Any, p: Any) -> Any:
    r"""Compute `operators.power_log`: $x^p \ln x$."""
    if x < ZERO or x != x:
        return UNDEFINED
    if x == ZERO:
        return ZERO if p >= ZERO else -INFINITE if p < ZERO else UNDEFINED
    return x**p * math.log(x)


def relu(x: Any) -> Any:
    """Compute `operators.relu`: x where it is positive, else 0; NaN stays NaN."""
    return ZERO if x <= ZERO else x


def relu_back(x: Any, d: Any) -> Any:
    """Compute `operators.relu_back`: d where x is positive, else 0."""
    return d if x > ZERO else ZERO


def sigmoid(x: Any) -> Any:
    r"""Compute `operators.sigmoid`: $\frac{1}{1 + e^{-x}}$."""
    if x >= ZERO:
        return ONE / (ONE + math.exp(-x))
    z = math.exp(x)
    return z / (ONE + z)


def sigmoid_back(s: Any, d: Any) -> Any:
    """Compute `operators.sigmoid_back`: d s (1 - s)."""
    return d * s * (ONE - s)


def gelu(x: Any) -> Any:
    """Compute `operators.gelu`: x times the cumulative normal distribution."""
    return x * (HALF * math.erfc(x * -ROOT_OF_HALF))


def gelu_back(x: Any, d: Any) -> Any:
    """Compute `operators.gelu_back`: d times the derivative of `gelu`."""
    share = HALF * math.erfc(x * -ROOT_OF_HALF)
    return d * (share + x * (DENSITY_AT_0 * math.exp(-HALF * x * x)))


def erf_back(x: Any, d: Any) -> Any:
    r"""Compute `operators.erf_back`: $2 d\, e^{-x^2} / \sqrt{\pi}$."""
    return d * (TWO_BY_ROOT_OF_PI * math.exp(-x * x))


def tanh_back(t: Any, d: Any) -> Any:
    """Compute `operators.tanh_back`: d (1 - t²)."""
    return d * ((ONE - t) * (ONE + t))


def log_back(x: Any, d: Any) -> Any:
    """Compute `operators.log_back`: d / (x + EPS)."""
    return d / ((x + EPS) + EPS_REST)


def lt(x: Any, y: Any) -> Any:
    """Compute `operators.lt`: 1 if x is less than y, else 0."""
    return ONE if x < y else ZERO


def eq(x: Any, y: Any) -> Any:
    """Compute `operators.eq`: 1 if x equals y, else 0."""
    return ONE if x == y else ZERO


SINGLE: dict[Callable[..., float], Callable[..., Any]] = {
    operators.exp: exp,
    operators.log: log,
    operators.ln: ln,
    operators.inv: inv,
    operators.sqrt: sqrt,
    operators.log1p: log1p,
    operators.sin: sin,
    operators.cos: cos,
    operators.floor: floor,
    operators.power: power,
    operators.power_back: power_back,
    operators.power_log: power_log,
    operators.relu: relu,
    operators.relu_back: relu_back,
    operators.sigmoid: sigmoid,
    operators.sigmoid_back: sigmoid_back,
    operators.gelu: gelu,
    operators.gelu_back: gelu_back,
    operators.erf_back: erf_back,
    operators.tanh_back: tanh_back,
    operators.log_back: log_back,
    operators.lt: lt,
    operators.eq: eq,
}
"""Single-precision copy of each formula of `mt_tensor.operators` with constants.

`operators.is_close` has no copy, because no training step uses it.
"""


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def formula_for(fn: Callable[..., float], dtype: np.dtype[Any]) -> Callable[..., Any]:
    """Return a formula as a device function for elements of a dtype."""
    single = SINGLE.get(fn) if dtype == np.float32 else None
    return device_function(single or fn)
