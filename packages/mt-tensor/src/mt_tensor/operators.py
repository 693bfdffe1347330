"""The scalar formulas of the library, and list functions built from them.

Each formula works on plain numbers and is self-contained, so that the same source runs in plain
Python, on NumPy scalars, with numba and with CUDA. A backend receives the function itself, for
example ``backend.map(operators.sigmoid, a)``, and compiles it.

The formulas follow IEEE 754 where Python's ``math`` would raise: `exp` of a large number is
infinite, the logarithm of a negative number is NaN. Every formula returns NaN for NaN.
"""

import math
from collections.abc import Callable, Iterable

EPS = 1e-6
"""The constant that `log` adds to its argument, so that the logarithm of 0 is finite."""

CLOSE = 1e-2
"""The absolute tolerance of `is_close`, exclusive."""

LARGEST_EXPONENT = 709.782712893384
"""The largest double whose exponential is finite: the logarithm of the largest double.

With a larger value `exp` would call ``math.exp``, which raises OverflowError.
"""

ROOT_OF_HALF = math.sqrt(0.5)
r"""A constant of `gelu`: $1 / \sqrt{2}$."""

DENSITY_AT_0 = math.sqrt(0.5 / math.pi)
r"""A constant of `gelu_back`, the normal density at 0: $1 / \sqrt{2 \pi}$."""

TWO_BY_ROOT_OF_PI = 2.0 / math.sqrt(math.pi)
r"""A constant of `erf_back`: $2 / \sqrt{\pi}$."""


# Arithmetic and comparison


def mul(x: float, y: float) -> float:
    """Multiply: $x y$."""
    return x * y


def id(x: float) -> float:
    """Return the number unchanged."""
    return x


def add(x: float, y: float) -> float:
    """Add: $x + y$."""
    return x + y


def neg(x: float) -> float:
    """Negate: $-x$."""
    return -x


def lt(x: float, y: float) -> float:
    """Return 1.0 if x is less than y, else 0.0."""
    return 1.0 if x < y else 0.0


def eq(x: float, y: float) -> float:
    """Return 1.0 if x equals y, else 0.0 (NaN equals nothing)."""
    return 1.0 if x == y else 0.0


def max(x: float, y: float) -> float:
    """Return the larger number, or NaN if one of them is NaN."""
    return x if x > y or x != x else y


def is_close(x: float, y: float) -> float:
    """Return 1.0 if x and y differ by less than `CLOSE`, else 0.0."""
    return 1.0 if abs(x - y) < CLOSE else 0.0


# Functions of one number


def sigmoid(x: float) -> float:
    r"""Return the logistic function $\frac{1}{1 + e^{-x}}$.

    The exponential is computed of negative numbers only, so that neither tail overflows and the
    lower one keeps its full relative precision.

    >>> sigmoid(0.0), sigmoid(1000.0), sigmoid(-1000.0)
    (0.5, 1.0, 0.0)
    """
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    z = math.exp(x)
    return z / (1.0 + z)


def relu(x: float) -> float:
    """Return x where it is positive, else 0.0; NaN stays NaN."""
    return 0.0 if x <= 0.0 else x


def exp(x: float) -> float:
    """Return $e^x$, infinite where it exceeds the largest double."""
    return math.inf if x > LARGEST_EXPONENT else math.exp(x)


def log(x: float) -> float:
    r"""Return $\log(x + \epsilon)$ with $\epsilon$ = `EPS`; see `ln` for the exact logarithm.

    >>> log(1.0) < 1e-5, log(-1.0)
    (True, nan)
    """
    # `float` keeps the sum of a single-precision number in double precision.
    shifted = float(x) + EPS
    if shifted > 0.0:
        return math.log(shifted)
    return -math.inf if shifted == 0.0 else math.nan


def ln(x: float) -> float:
    r"""Return the natural logarithm: $-\infty$ at zero, NaN below."""
    if x > 0.0:
        return math.log(x)
    return -math.inf if x == 0.0 else math.nan


def inv(x: float) -> float:
    r"""Return the reciprocal $\frac{1}{x}$.

    For a Python zero it raises `ZeroDivisionError`; backends return infinity.
    """
    return 1.0 / x


def sqrt(x: float) -> float:
    r"""Return $\sqrt{x}$, NaN for a negative number."""
    return math.sqrt(x) if x >= 0.0 else math.nan


# Division and powers of two numbers


def div(x: float, y: float) -> float:
    r"""Return the quotient $\frac{x}{y}$, rounded once; `x * inv(y)` rounds twice.

    For a Python zero as y it raises `ZeroDivisionError`; backends return infinity or NaN.

    >>> div(5.0, 49.0), 5.0 * inv(49.0)
    (0.10204081632653061, 0.1020408163265306)
    """
    return x / y


def power(x: float, p: float) -> float:
    r"""Return $x^p$, NaN for a negative x and a fraction p.

    Python numbers follow Python: a power that overflows and a negative power of zero raise an
    error. Backends return infinity.
    """
    # Python gives a complex number here.
    if -math.inf < x < 0.0 and p - p == 0.0 and p % 1.0 != 0.0:
        return math.nan
    # mypy takes a power of floats for Any, because it may be complex.
    return x**p  # type: ignore[no-any-return]


# Functions that tensors have and the course does not


def log1p(x: float) -> float:
    r"""Return $\log(1 + x)$, also precise for small x: $-\infty$ at -1, NaN below."""
    if x > -1.0:
        return math.log1p(x)
    return -math.inf if x == -1.0 else math.nan


def tanh(x: float) -> float:
    r"""Return the hyperbolic tangent $\frac{e^x - e^{-x}}{e^x + e^{-x}}$."""
    return math.tanh(x)


def erf(x: float) -> float:
    r"""Return the error function $\frac{2}{\sqrt{\pi}} \int_0^x e^{-t^2} dt$."""
    return math.erf(x)


def gelu(x: float) -> float:
    r"""Return $x\, \Phi(x)$, where $\Phi$ is the cumulative normal distribution.

    The complement of the error function keeps the digits of small probabilities, which
    $1 + \mathrm{erf}$ would lose. (Hendrycks & Gimpel 2016, "Gaussian Error Linear Units".)

    >>> gelu(0.0), round(gelu(1.0), 6)
    (0.0, 0.841345)
    """
    return x * (0.5 * math.erfc(x * -ROOT_OF_HALF))


def sin(x: float) -> float:
    """Return the sine of an angle in radians, NaN for an infinite one."""
    return math.sin(x) if -math.inf < x < math.inf else math.nan


def cos(x: float) -> float:
    """Return the cosine of an angle in radians, NaN for an infinite one."""
    return math.cos(x) if -math.inf < x < math.inf else math.nan


def floor(x: float) -> float:
    """Return the largest whole number that is not above x.

    >>> floor(1.5), floor(-1.5)
    (1.0, -2.0)
    """
    # Larger doubles are whole, and an integer type may be too small for them.
    return float(math.floor(x)) if -4503599627370496.0 < x < 4503599627370496.0 else x


def mod(x: float, y: float) -> float:
    """Return the remainder of a division whose quotient is rounded down: it has the sign of y.

    For a Python zero it raises `ZeroDivisionError`; backends return NaN.

    >>> mod(5.5, 2.0), mod(-5.5, 2.0)
    (1.5, 0.5)
    """
    return x % y


# Derivatives, each multiplied by the upstream derivative d


def log_back(x: float, d: float) -> float:
    r"""Return $\frac{d}{x + \epsilon}$, the derivative of `log` times d."""
    return d / (float(x) + EPS)


def ln_back(x: float, d: float) -> float:
    r"""Return $\frac{d}{x}$, the derivative of `ln` times d."""
    return d / x


def inv_back(x: float, d: float) -> float:
    r"""Return $-\frac{d}{x^2}$, the derivative of `inv` times d."""
    # Not -d / (x * x): the square of a small number may be zero.
    return -(d / x) / x


def div_back(x: float, y: float) -> float:
    r"""Return $-\frac{x}{y^2}$, the derivative of `div` with respect to y."""
    return -(x / y) / y


def power_back(x: float, p: float) -> float:
    r"""Return $p\, x^{p - 1}$, the derivative of `power` with respect to x; 0 for $p = 0$."""
    q = p - 1.0
    if -math.inf < x < 0.0 and q - q == 0.0 and q % 1.0 != 0.0:
        return math.nan
    return 0.0 if p == 0.0 else p * x**q


def power_log(x: float, p: float) -> float:
    r"""Return $x^p \ln x$, the derivative of `power` with respect to p.

    It is 0 for $x = 0$ and $p \geq 0$, where the function is constant in p, and NaN for a negative
    x.
    """
    if x < 0.0 or x != x:
        return math.nan
    if x == 0.0:
        return 0.0 if p >= 0.0 else -math.inf if p < 0.0 else math.nan
    return x**p * math.log(x)  # type: ignore[no-any-return]


def relu_back(x: float, d: float) -> float:
    """Return d where x is positive, else 0.0: the derivative of `relu` times d."""
    return d if x > 0.0 else 0.0


def sigmoid_back(s: float, d: float) -> float:
    r"""Return $d\, s (1 - s)$: the derivative of `sigmoid` times d, where s is its value."""
    return d * s * (1.0 - s)


def sqrt_back(s: float, d: float) -> float:
    r"""Return $\frac{d}{2 s}$: the derivative of `sqrt` times d, where s is its value."""
    return d / (s + s)


def erf_back(x: float, d: float) -> float:
    r"""Return $\frac{2 d}{\sqrt{\pi}} e^{-x^2}$: the derivative of `erf` times d."""
    return d * (TWO_BY_ROOT_OF_PI * math.exp(-x * x))


def gelu_back(x: float, d: float) -> float:
    r"""Return $d (\Phi(x) + x\, \varphi(x))$: the derivative of `gelu` times d.

    $\varphi(x) = e^{-x^2 / 2} / \sqrt{2 \pi}$ is the normal density.
    """
    share = 0.5 * math.erfc(x * -ROOT_OF_HALF)
    return d * (share + x * (DENSITY_AT_0 * math.exp(-0.5 * x * x)))


def tanh_back(t: float, d: float) -> float:
    r"""Return $d (1 - t^2)$: the derivative of `tanh` times d, where t is its value."""
    return d * (1.0 - t * t)


# Functions of functions


def map(fn: Callable[[float], float]) -> Callable[[Iterable[float]], list[float]]:
    """Return a function that applies fn to every element of a list.

    >>> map(neg)([1.0, -2.0])
    [-1.0, 2.0]
    """

    def apply(xs: Iterable[float]) -> list[float]:
        return [fn(x) for x in xs]

    return apply


def zipWith(
    fn: Callable[[float, float], float],
) -> Callable[[Iterable[float], Iterable[float]], list[float]]:
    """Return a function that combines two lists element by element, up to the shorter's length.

    >>> zipWith(mul)([1.0, 2.0], [3.0, 4.0])
    [3.0, 8.0]
    """

    def apply(xs: Iterable[float], ys: Iterable[float]) -> list[float]:
        return [fn(x, y) for x, y in zip(xs, ys, strict=False)]

    return apply


def reduce(fn: Callable[[float, float], float], start: float) -> Callable[[Iterable[float]], float]:
    """Return a function that folds a list from the left, with the initial value start.

    >>> reduce(add, 10.0)([1.0, 2.0])
    13.0
    """

    def apply(xs: Iterable[float]) -> float:
        result = start
        for x in xs:
            result = fn(result, x)
        return result

    return apply


def negList(xs: Iterable[float]) -> list[float]:
    """Negate every element of a list."""
    return map(neg)(xs)


def addLists(xs: Iterable[float], ys: Iterable[float]) -> list[float]:
    """Add two lists element by element."""
    return zipWith(add)(xs, ys)


def sum(xs: Iterable[float]) -> float:
    """Sum a list; the sum of an empty list is 0.0."""
    return reduce(add, 0.0)(xs)


def prod(xs: Iterable[float]) -> float:
    """Multiply the elements of a list; the product of an empty list is 1.0."""
    return reduce(mul, 1.0)(xs)
