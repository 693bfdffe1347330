r"""Normal probabilities and the hyperbolic tangent in single precision, as vectorisable arithmetic.

``math.erfc`` and ``math.tanh`` are calls for each element. With $z = |x| / \sqrt 2$ and
$t = 1 / (1 + p z)$, a polynomial in t approximates $e^{z^2} \mathrm{erfc}(z)$, as in Abramowitz and
Stegun, "Handbook of Mathematical Functions", formula 7.1.26; here it has eight terms, fitted to the
smallest relative error, $10^{-7}$. The error of `gelu_float32` relative to its value is at most
$12 + x^2$ units of $2^{-24}$; the second term is the rounding of $x^2 / 2$ in the exponent.

The constants of `tanh_float32` are those of the Cephes library (S. Moshier, ``tanhf.c``); its
error is less than three units in the last place.
"""

from typing import Any

import numpy as np

from mt_kernels_cpu.compiling.jit import inlined_helper
from mt_kernels_cpu.tuned.operations.exponential import exp_float32

ZERO, HALF, ONE, TWO = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0)
ROOT_OF_HALF = np.float32(0.7071067811865476)
DENSITY_AT_0 = np.float32(0.3989422804014327)
P = np.float32(0.33)
SHARE = (
    np.float32(-0.135344715),
    np.float32(0.460233215),
    np.float32(-0.351143232),
    np.float32(0.408494238),
    np.float32(0.047223593),
    np.float32(0.201223022),
    np.float32(0.182956077),
    np.float32(0.186357795),
)
"""The coefficients of the polynomial in t, that of the highest power first."""
TANH_LIMIT = np.float32(0.625)
"""Bound of |x| below which a polynomial is exact and the quotient of exponentials is not."""

ROOT_OF_2_BY_PI, CUBIC = np.float32(0.7978845608028654), np.float32(0.044715)
THREE_CUBIC = np.float32(3 * 0.044715)


@inlined_helper
def decay_float32(x: Any) -> Any:
    """Return $e^{-x^2 / 2}$."""
    return exp_float32(-HALF * x * x)


@inlined_helper
def share_float32(x: Any, decay: Any) -> Any:
    r"""Return $\Phi(x)$, the probability of a normal number below x.

    Args:
        x: The number.
        decay: $e^{-x^2 / 2}$.
    """
    t = ONE / (ONE + P * (abs(x) * ROOT_OF_HALF))
    y = SHARE[0]
    y = y * t + SHARE[1]
    y = y * t + SHARE[2]
    y = y * t + SHARE[3]
    y = y * t + SHARE[4]
    y = y * t + SHARE[5]
    y = y * t + SHARE[6]
    y = y * t + SHARE[7]
    # The probability of a number above |x|, subtracted from 0 or 1 without a branch.
    tail = HALF * decay * (y * t)
    return abs((ONE if x >= ZERO else ZERO) - tail)


@inlined_helper
def gelu_float32(x: Any) -> Any:
    r"""Return $x\, \Phi(x)$."""
    return x * share_float32(x, decay_float32(x))


@inlined_helper
def gelu_slope_float32(x: Any) -> Any:
    r"""Return $\Phi(x) + x\, \varphi(x)$, the derivative of `gelu_float32`."""
    decay = decay_float32(x)
    return share_float32(x, decay) + x * (DENSITY_AT_0 * decay)


@inlined_helper
def gelu_back_float32(x: Any, d: Any) -> Any:
    """Return the derivative of `gelu_float32` times d."""
    return d * gelu_slope_float32(x)


@inlined_helper
def tanh_float32(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    size = abs(x)
    s = x * x
    y = np.float32(-5.70498872745e-3)
    y = y * s + np.float32(2.06390887954e-2)
    y = y * s + np.float32(-5.37397155531e-2)
    y = y * s + np.float32(1.33314422036e-1)
    y = y * s + np.float32(-3.33332819422e-1)
    near = x * (ONE + y * s)
    far = ONE - TWO / (exp_float32(TWO * size) + ONE)
    far = -far if x < ZERO else far
    return near if size < TANH_LIMIT else far


@inlined_helper
def gelu_tanh_float32(x: Any) -> Any:
    """Return the tanh form of GELU, see `mt_autodiff.Tensor.gelu`."""
    return HALF * x * (ONE + tanh_float32(ROOT_OF_2_BY_PI * (x + CUBIC * (x * x * x))))


@inlined_helper
def gelu_tanh_slope_float32(x: Any) -> Any:
    """Return the derivative of `gelu_tanh_float32`."""
    t = tanh_float32(ROOT_OF_2_BY_PI * (x + CUBIC * (x * x * x)))
    inner = ROOT_OF_2_BY_PI * (ONE + THREE_CUBIC * (x * x))
    return HALF * (ONE + t) + HALF * x * ((ONE - t * t) * inner)
