"""Functions of each element, or of pairs of elements."""

from __future__ import annotations

import math
from typing import Literal

from mt_autodiff import functions
from mt_autodiff.basic_tensor import T, TensorLike, truth
from mt_autodiff.composed.apply import apply


def abs(x: T) -> T:
    r"""Return $|x|$ of every element; the derivative at 0 is 0."""
    return apply(functions.Abs, x)


def sign(x: T) -> T:
    """Return 1 for a positive element, -1 for a negative one, else 0; the gradient is 0."""
    return apply(functions.Sign, x)


def tanh(x: T) -> T:
    """Return the hyperbolic tangent of every element."""
    return apply(functions.Tanh, x)


def erf(x: T) -> T:
    """Return the error function of every element."""
    return apply(functions.Erf, x)


def gelu(x: T, approximate: Literal["none", "tanh"] = "none") -> T:
    r"""Return $x\, \Phi(x)$ of every element; $\Phi$ is the cumulative normal distribution.

    (Hendrycks & Gimpel 2016, "Gaussian Error Linear Units", section 2.)

    Args:
        x: The elements.
        approximate: "tanh" computes $\frac{x}{2} (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3)))$,
            for weights that were trained with this form; "none" is exact.

    Raises:
        ValueError: The approximation does not exist.

    >>> from mt_autodiff import tensor
    >>> tensor([-1.0, 0.0, 1.0]).gelu()
    tensor([-0.15865525,  0.        ,  0.84134475])
    """
    if approximate == "none":
        return apply(functions.Gelu, x)
    if approximate != "tanh":
        raise ValueError(f'gelu: approximate {approximate!r} does not exist; use "none" or "tanh"')
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * (x * x * x))
    return 0.5 * x * (1.0 + tanh(inner))


def sin(x: T) -> T:
    """Return the sine of every element, an angle in radians."""
    return apply(functions.Sin, x)


def cos(x: T) -> T:
    """Return the cosine of every element, an angle in radians."""
    return apply(functions.Cos, x)


def log1p(x: T) -> T:
    r"""Return $\log(1 + x)$ of every element, also precise for small x."""
    return apply(functions.Log1p, x)


def log2(x: T) -> T:
    """Return the logarithm to base 2 of every element."""
    return x.ln() / math.log(2.0)


def log10(x: T) -> T:
    """Return the logarithm to base 10 of every element."""
    return x.ln() / math.log(10.0)


def square(x: T) -> T:
    """Return $x^2$ of every element."""
    return x * x


def reciprocal(x: T) -> T:
    """Return $1 / x$ of every element."""
    return apply(functions.Inv, x)


def rsqrt(x: T) -> T:
    r"""Return $1 / \sqrt{x}$ of every element."""
    return 1.0 / x.sqrt()


def floor(x: T) -> T:
    """Return the largest whole number not above each element; the gradient is 0."""
    return apply(functions.Floor, x)


def ceil(x: T) -> T:
    """Return the smallest whole number not below each element; the gradient is 0."""
    return -floor(-x)


def round(x: T) -> T:
    """Return the nearest whole number, the even one of two; the gradient is 0.

    >>> from mt_autodiff import tensor
    >>> tensor([0.5, 1.5, -0.7]).round()
    tensor([ 0.,  2., -1.])
    """
    below = floor(x)
    rest = x - below
    return below + where(eq(rest, 0.5), remainder(below, 2.0), rest > 0.5)


def remainder(x: T, y: TensorLike) -> T:
    """Return the remainder of the division whose quotient is rounded down: the sign is that of y.

    Shape:
        (...), (...) → the broadcast shape.
    """
    return apply(functions.Mod, x, x._operand(y))


def floor_divide(x: T, y: TensorLike) -> T:
    """Return the largest whole number not above x / y; the gradient is 0.

    Shape:
        (...), (...) → the broadcast shape.
    """
    divisor = x._operand(y)
    quotient, rest = x / divisor, remainder(x, divisor)
    below = floor(quotient)
    # Rounding of the division may reach the next whole number: the remainder is then almost y.
    reached: T = quotient == below
    return below - reached * (abs(rest) * 2.0 >= abs(divisor))


def maximum(x: T, y: TensorLike) -> T:
    """Return the larger of each pair of elements, NaN if one of them is NaN.

    The larger element has the gradient; equal elements have a half each.

    Shape:
        (...), (...) → the broadcast shape.
    """
    return apply(functions.Maximum, x, x._operand(y))


def minimum(x: T, y: TensorLike) -> T:
    """Return the smaller of each pair of elements; see `maximum`."""
    return -maximum(-x, -x._operand(y))


def clamp(x: T, min: TensorLike | None = None, max: TensorLike | None = None) -> T:
    """Return the elements, those below `min` or above `max` replaced by this bound.

    An element that is replaced has the gradient 0, an element equal to a bound has the gradient 1.

    Args:
        x: The elements.
        min: The lower bound, a number or a tensor that broadcasts with x.
        max: The upper bound; it is the result where the lower bound exceeds it.

    Raises:
        TypeError: There is no bound.

    >>> from mt_autodiff import tensor
    >>> tensor([-3.0, 0.5, 3.0]).clamp(-1, 1)
    tensor([-1. ,  0.5,  1. ])
    """
    if min is None and max is None:
        raise TypeError("clamp: no bound; pass min, max or both")
    if min is not None:
        x = where(x < min, min, x)
    if max is not None:
        x = where(x > max, max, x)
    return x


def where(condition: T, x: TensorLike, y: TensorLike) -> T:
    """Return the elements of x where a condition is not 0, and those of y elsewhere.

    An element that is not chosen has the gradient 0, even if it is infinite or NaN.

    Args:
        condition: The result of a comparison, or any tensor.
        x: A number or a tensor.
        y: A number or a tensor.

    Shape:
        (...), (...), (...) → the broadcast shape.

    >>> from mt_autodiff import tensor
    >>> x = tensor([-1.0, 2.0])
    >>> where(x > 0, x, 10.0)
    tensor([10.,  2.])
    """
    return apply(functions.Where, condition, condition._operand(x), condition._operand(y))


def masked_fill(x: T, mask: TensorLike, value: float) -> T:
    """Return the elements, replaced by a number where a mask is not 0.

    Shape:
        (...), (...) → the broadcast shape.
    """
    return where(x._operand(mask), value, x)


def pow(x: T, exponent: TensorLike) -> T:
    """Return the elements raised to a power, a number or a tensor; see `Tensor.__pow__`."""
    return x**exponent


# Truth values: 1.0 for true, 0.0 for false


def eq(x: T, y: TensorLike) -> T:
    """Return 1 where two elements are equal, else 0."""
    equal: T = x == x._operand(y)
    return equal


def ne(x: T, y: TensorLike) -> T:
    """Return 1 where two elements differ, else 0."""
    different: T = x != x._operand(y)
    return different


def isnan(x: T) -> T:
    """Return 1 where an element is NaN, else 0."""
    # Only NaN differs from itself.
    different: T = x != x
    return different


def isinf(x: T) -> T:
    """Return 1 where an element is infinite, else 0."""
    return eq(abs(x), math.inf)


def isfinite(x: T) -> T:
    """Return 1 where an element is neither infinite nor NaN, else 0."""
    return abs(x) < math.inf


def isclose(
    x: T, y: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> T:
    r"""Return 1 where $|x - y| \le atol + rtol |y|$, else 0.

    `Tensor.is_close` is the course's comparison, with an absolute tolerance of 0.01.

    Args:
        x: The elements.
        y: The elements to compare with.
        rtol: The relative tolerance.
        atol: The absolute tolerance.
        equal_nan: True counts two NaN as close.

    Shape:
        (...), (...) → the broadcast shape.
    """
    other = x._operand(y)
    near = logical_and(abs(x - other) <= abs(other) * rtol + atol, isfinite(other))
    close = logical_or(near, x == other)
    return logical_or(close, logical_and(isnan(x), isnan(other))) if equal_nan else close


def allclose(
    x: T, y: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Return whether all pairs of elements are close; see `isclose`."""
    return bool(isclose(x, y, rtol, atol, equal_nan).all())


def logical_and(x: T, y: TensorLike) -> T:
    """Return 1 where both elements are not 0, else 0."""
    return truth(ne(x, 0.0) * ne(x._operand(y), 0.0))


def logical_or(x: T, y: TensorLike) -> T:
    """Return 1 where at least one element is not 0, else 0."""
    return truth(maximum(ne(x, 0.0), ne(x._operand(y), 0.0)))


def logical_xor(x: T, y: TensorLike) -> T:
    """Return 1 where exactly one element is not 0, else 0."""
    return ne(ne(x, 0.0), ne(x._operand(y), 0.0))


def logical_not(x: T) -> T:
    """Return 1 where an element is 0, else 0."""
    return eq(x, 0.0)
