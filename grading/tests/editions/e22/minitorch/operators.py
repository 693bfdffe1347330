"""Formulas on plain numbers, and functions of lists."""

import math

EPS = 1e-6


def mul(x: float, y: float) -> float:
    return x * y


def id(x: float) -> float:
    return x


def add(x: float, y: float) -> float:
    return x + y


def neg(x: float) -> float:
    return -x


def lt(x: float, y: float) -> float:
    return 1.0 if x < y else 0.0


def eq(x: float, y: float) -> float:
    return 1.0 if x == y else 0.0


def max(x: float, y: float) -> float:
    return x if x > y else y


def is_close(x: float, y: float) -> float:
    return 1.0 if (x - y < 1e-2) and (y - x < 1e-2) else 0.0


def sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    return math.exp(x) / (1.0 + math.exp(x))


def relu(x: float) -> float:
    return x if x > 0 else 0.0


def log(x: float) -> float:
    return math.log(x + EPS)


def exp(x: float) -> float:
    return math.exp(x)


def log_back(x: float, d: float) -> float:
    return d / (x + EPS)


def inv(x: float) -> float:
    return 1.0 / x


def inv_back(x: float, d: float) -> float:
    return -(1.0 / x**2) * d


def relu_back(x: float, d: float) -> float:
    return d if x > 0 else 0.0


def map(fn):
    return lambda ls: [fn(x) for x in ls]


def zipWith(fn):
    return lambda ls1, ls2: [fn(x, y) for x, y in zip(ls1, ls2, strict=True)]


def reduce(fn, start):
    def fold(ls):
        total = start
        for x in ls:
            total = fn(x, total)
        return total

    return fold


def negList(ls):
    return map(neg)(ls)


def addLists(ls1, ls2):
    return zipWith(add)(ls1, ls2)


def sum(ls):
    return reduce(add, 0.0)(ls)


def prod(ls):
    return reduce(mul, 1.0)(ls)
