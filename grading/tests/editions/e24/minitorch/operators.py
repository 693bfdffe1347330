"""Formulas on plain numbers, and functions of lists."""

import math


def mul(x: float, y: float) -> float:
    """Multiply two numbers."""
    return x * y


def id(x: float) -> float:
    """Return the number as it is."""
    return x


def add(x: float, y: float) -> float:
    """Add two numbers."""
    return x + y


def neg(x: float) -> float:
    """Change the sign."""
    return -x


def lt(x: float, y: float) -> bool:
    """Tell whether the first number is the smaller one."""
    return x < y


def eq(x: float, y: float) -> bool:
    """Tell whether two numbers are equal."""
    return x == y


def max(x: float, y: float) -> float:
    """Return the larger number."""
    return x if x >= y else y


def is_close(x: float, y: float) -> bool:
    """Tell whether two numbers are less than a hundredth apart."""
    return abs(x - y) < 1e-2


def sigmoid(x: float) -> float:
    """Squash a number into (0, 1)."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def relu(x: float) -> float:
    """Cut off what is negative."""
    return x if x > 0 else 0.0


def log(x: float) -> float:
    """Take the natural logarithm."""
    return math.log(x)


def exp(x: float) -> float:
    """Take the exponential."""
    return math.exp(x)


def log_back(x: float, d: float) -> float:
    """Multiply the derivative of the logarithm by a number."""
    return d / x


def inv(x: float) -> float:
    """Take the reciprocal."""
    return 1.0 / x


def inv_back(x: float, d: float) -> float:
    """Multiply the derivative of the reciprocal by a number."""
    return -d / (x * x)


def relu_back(x: float, d: float) -> float:
    """Multiply the derivative of relu by a number."""
    return d if x > 0 else 0.0


def map(fn, ls):
    """Apply a function to each element."""
    return [fn(x) for x in ls]


def zipWith(fn, ls1, ls2):
    """Combine two lists element by element."""
    return [fn(x, y) for x, y in zip(ls1, ls2, strict=False)]


def reduce(fn, ls, start):
    """Fold a list into one number."""
    total = start
    for x in ls:
        total = fn(total, x)
    return total


def negList(ls):
    """Change the sign of each element."""
    return map(neg, ls)


def addLists(ls1, ls2):
    """Add two lists element by element."""
    return zipWith(add, ls1, ls2)


def sum(ls):
    """Add up a list."""
    return reduce(add, ls, 0.0)


def prod(ls):
    """Multiply the elements of a list."""
    return reduce(mul, ls, 1.0)
