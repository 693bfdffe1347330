r"""The exponential function as arithmetic that compilers vectorise.

``math.exp`` is a call for each element. Here $n = \mathrm{round}(x \log_2 e)$ and a small
$r = x - n \ln 2$ give $e^x = 2^n e^r$. A polynomial approximates $e^r$, and $2^n$ is written into
the bits of the exponent. The constants of single precision are those of the Cephes library
(S. Moshier, ``expf.c``). For double precision the polynomial is Taylor's.

The error is less than two units in the last place. The result is exactly 1 at 0, infinite above the
largest number, a denormal number where that is nearest, 0 below, and NaN for NaN.
"""

from typing import Any

import numpy as np

from mt_kernels_cpu.compiling.jit import inlined_helper

LOG2_E = np.float32(1.44269504088896341)
r"""$\log_2 e$."""

LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
r"""$\ln 2$ as a sum: the products of the first part with n are exact."""

ROUNDING_OFFSET = np.float32(12582912.0)
"""1.5 · 2^23. Floats of this size have no bits for fractions, so adding it rounds to an integer."""

LOWEST, HIGHEST = np.float32(-104.0), np.float32(89.0)
"""Bounds of x. The result is 0 below and infinite above; without them, the exponent would
overflow."""

COEFFICIENTS = (
    np.float32(1.9875691500e-4),
    np.float32(1.3981999507e-3),
    np.float32(8.3334519073e-3),
    np.float32(4.1665795894e-2),
    np.float32(1.6666665459e-1),
    np.float32(5.0000001201e-1),
)
"""The coefficients of the polynomial, that of the highest power first."""

LOG2_E_64 = 1.4426950408889634
LN2_HIGH_64, LN2_LOW_64 = 6.93145751953125e-1, 1.42860682030941723212e-6
ROUNDING_OFFSET_64 = 6755399441055744.0
LOWEST_64, HIGHEST_64 = -746.0, 710.0
COEFFICIENTS_64 = (
    1.6059043836821613e-10,
    2.08767569878681e-09,
    2.505210838544172e-08,
    2.755731922398589e-07,
    2.7557319223985893e-06,
    2.48015873015873e-05,
    0.0001984126984126984,
    0.001388888888888889,
    0.008333333333333333,
    0.041666666666666664,
    0.16666666666666666,
    0.5,
)

REDUCTION = LOG2_E, LN2_HIGH, LN2_LOW, ROUNDING_OFFSET, LOWEST, HIGHEST
REDUCTION_64 = LOG2_E_64, LN2_HIGH_64, LN2_LOW_64, ROUNDING_OFFSET_64, LOWEST_64, HIGHEST_64
"""The constants of the reduction to r, as functions of vectors take them."""


@inlined_helper
def exp_float32(x: Any) -> Any:
    """Return $e^x$ as a float32, of a number that is rounded to one."""
    x = np.float32(x)
    # Both comparisons are False for NaN, so it stays.
    x = LOWEST if x < LOWEST else x
    x = HIGHEST if x > HIGHEST else x
    n = (x * LOG2_E + ROUNDING_OFFSET) - ROUNDING_OFFSET
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    p = COEFFICIENTS[0]
    p = p * r + COEFFICIENTS[1]
    p = p * r + COEFFICIENTS[2]
    p = p * r + COEFFICIENTS[3]
    p = p * r + COEFFICIENTS[4]
    p = p * r + COEFFICIENTS[5]
    p = p * r * r + r + np.float32(1.0)
    # Two factors, because 2^n alone may be too large or too small for a normal number.
    half = np.int32(n) >> np.int32(1)
    other_half = np.int32(n) - half
    first = np.int32((half + np.int32(127)) << np.int32(23)).view(np.float32)
    second = np.int32((other_half + np.int32(127)) << np.int32(23)).view(np.float32)
    return p * first * second


@inlined_helper
def exp_float64(x: Any) -> Any:
    """Return $e^x$ as a float64, of a number that is converted to one."""
    x = np.float64(x)
    x = LOWEST_64 if x < LOWEST_64 else x
    x = HIGHEST_64 if x > HIGHEST_64 else x
    n = (x * LOG2_E_64 + ROUNDING_OFFSET_64) - ROUNDING_OFFSET_64
    r = (x - n * LN2_HIGH_64) - n * LN2_LOW_64
    p = COEFFICIENTS_64[0]
    p = p * r + COEFFICIENTS_64[1]
    p = p * r + COEFFICIENTS_64[2]
    p = p * r + COEFFICIENTS_64[3]
    p = p * r + COEFFICIENTS_64[4]
    p = p * r + COEFFICIENTS_64[5]
    p = p * r + COEFFICIENTS_64[6]
    p = p * r + COEFFICIENTS_64[7]
    p = p * r + COEFFICIENTS_64[8]
    p = p * r + COEFFICIENTS_64[9]
    p = p * r + COEFFICIENTS_64[10]
    p = p * r + COEFFICIENTS_64[11]
    p = p * r * r + r + 1.0
    half = np.int64(n) >> np.int64(1)
    other_half = np.int64(n) - half
    first = np.int64((half + np.int64(1023)) << np.int64(52)).view(np.float64)
    second = np.int64((other_half + np.int64(1023)) << np.int64(52)).view(np.float64)
    return p * first * second
