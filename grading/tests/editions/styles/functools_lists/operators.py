import builtins
import functools
import itertools
from functools import partial


def map(fn):
    return lambda xs: list(builtins.map(fn, xs))


def zipWith(fn):
    return lambda xs, ys: list(itertools.starmap(fn, zip(xs, ys)))


def reduce(fn, start):
    return lambda xs: functools.reduce(lambda total, x: fn(x, total), xs, start)


negList = partial(map(neg))


def prod(factors):
    return functools.reduce(mul, factors, 1.0)
