"""Mistakes in the scalar formulas and the list functions: tasks 0.1 to 0.3."""

import math
from collections.abc import Callable
from functools import reduce

import numpy as np

from grading.checking.oracles.programs import EPS
from grading.diagnosis.mistakes import Mistake, modelled, raising, result
from grading.protocol.messages import Request, Response

FORMULAS = ("0.1", "0.2")
LISTS = ("0.3",)

LOSES_NAN = "every comparison with NaN is false, so that `max` returns the other number"


def formula(name: str, cause: str, wrong: Callable[..., float]) -> Mistake:
    """Return a mistake in one formula."""

    def model(request: Request) -> Response | None:
        if request.options["formula"] != name:
            return None
        rows = zip(*(array.tolist() for array in request.arrays), strict=True)
        return result(request, np.array([wrong(*xs) for xs in rows]))

    return modelled(FORMULAS, cause, r"operators\.each", model)


def _overflows(request: Request) -> bool:
    is_sigmoid = request.options["formula"] == "sigmoid"
    return is_sigmoid and any(abs(x) > 700 for x in request.arrays[0].tolist())


def _takes_logarithm_of_zero(request: Request) -> bool:
    return request.options["formula"] == "log" and bool((request.arrays[0] == 0).any())


def listed(name: str, cause: str, wrong: Callable[[Request, list[list[float]]], object]) -> Mistake:
    """Return a mistake in one list function, given the request and its lists."""

    def model(request: Request) -> Response | None:
        if request.options["function"] != name:
            return None
        answer = wrong(request, [array.tolist() for array in request.arrays])
        return result(request, np.array(answer, np.float64))

    return modelled(LISTS, cause, r"operators\.lists", model)


def _middle(x: float, y: float) -> float:
    return (x + y) / 2


def _fold(start: float, xs: list[float]) -> float:
    return reduce(_middle, xs, start)


MISTAKES = [
    formula(
        "lt",
        "`lt` means less than or equal: equal numbers are not less than each other",
        lambda x, y: float(x <= y),
    ),
    formula("lt", "`lt` compares the other way round", lambda x, y: float(x > y)),
    formula(
        "eq", "`eq` is true of numbers that are only close", lambda x, y: float(abs(x - y) < 1e-2)
    ),
    formula(
        "is_close",
        "the absolute value of the difference is missing in `is_close`",
        lambda x, y: float(x - y < 1e-2),
    ),
    formula("is_close", "`is_close` demands equality", lambda x, y: float(x == y)),
    formula(
        "is_close", "numbers 0.1 apart are close; 0.01 is meant", lambda x, y: abs(x - y) < 0.1
    ),
    formula("max", LOSES_NAN, lambda x, y: x if x > y else y),
    formula("max", LOSES_NAN, lambda x, y: y if y > x else x),
    formula("max", "`max` returns the smaller number", min),
    formula(
        "max",
        "`max` compares absolute values",
        lambda x, y: x if abs(x) > abs(y) else y,
    ),
    formula("neg", "`neg` returns its argument unchanged", lambda x: x),
    formula("neg", "`neg` returns the absolute value, negated", lambda x: -abs(x)),
    formula("add", "`add` multiplies", lambda x, y: x * y),
    formula("mul", "`mul` adds", lambda x, y: x + y),
    formula("relu", "`relu` returns its argument where it is negative, too", lambda x: x),
    formula("relu", "`relu` returns the absolute value", abs),
    formula("relu", "`relu` returns its own derivative", lambda x: float(x > 0)),
    formula("sigmoid", "the sign of the exponent is wrong", lambda x: 1 / (1 + math.exp(x))),
    raising(
        FORMULAS,
        "one formula for both signs of its argument overflows: where x is negative, take "
        "exp(x) / (1 + exp(x))",
        r"operators\.each",
        "OverflowError",
        _overflows,
    ),
    formula("log", "EPS is not added to the argument of the logarithm", lambda x: math.log(x)),
    formula(
        "log",
        "EPS is not added to the argument of the logarithm",
        lambda x: math.log(x) if x else -math.inf,
    ),
    raising(
        FORMULAS,
        "EPS is not added to the argument of the logarithm",
        r"operators\.each",
        "ValueError",
        _takes_logarithm_of_zero,
    ),
    formula(
        "log", "EPS is added to the logarithm, not to its argument", lambda x: math.log(x) + EPS
    ),
    formula("inv", "`inv` negates", lambda x: -x),
    formula(
        "relu_back",
        "the derivative of `relu` is not multiplied by d",
        lambda x, d: float(x > 0),
    ),
    formula("relu_back", "x is returned where d is meant", lambda x, d: x if x > 0 else 0.0),
    formula("relu_back", "d is passed on where x is negative, too", lambda x, d: d),
    formula("relu_back", "the roles of x and d are exchanged", lambda x, d: x if d > 0 else 0.0),
    formula("inv_back", "the sign of the derivative of 1 / x is missing", lambda x, d: d / x**2),
    formula("inv_back", "the derivative of 1 / x is not multiplied by d", lambda x, d: -1 / x**2),
    formula("inv_back", "the square is missing in -1 / x²", lambda x, d: -d / x),
    formula("inv_back", "the roles of x and d are exchanged", lambda x, d: -x / d**2),
    formula(
        "log_back", "the derivative of the logarithm is not multiplied by d", lambda x, d: 1 / x
    ),
    formula("log_back", "d is multiplied by x in place of divided", lambda x, d: d * x),
    formula("log_back", "the roles of x and d are exchanged", lambda x, d: x / d),
    listed(
        "reduce",
        "`reduce` forgets its start and begins with 0",
        lambda request, xs: _fold(0.0, xs[0]),
    ),
    listed(
        "reduce",
        "`reduce` begins with the first element, not with its start",
        lambda request, xs: _fold(xs[0][0], xs[0][1:]),
    ),
    listed(
        "reduce",
        "`reduce` begins with its start, but leaves the first element out",
        lambda request, xs: _fold(request.options["start"], xs[0][1:]),
    ),
    listed(
        "reduce",
        "`reduce` folds from the right",
        lambda request, xs: _fold(request.options["start"], xs[0][::-1]),
    ),
    listed(
        "reduce",
        "`reduce` returns after the first element",
        lambda request, xs: _fold(request.options["start"], xs[0][:1]),
    ),
    listed(
        "reduce",
        "`reduce` always combines with its start",
        lambda request, xs: _middle(request.options["start"], xs[0][-1]),
    ),
    raising(
        LISTS,
        "`reduce` begins with the first element, which an empty list lacks",
        r"operators\.lists",
        "IndexError",
        lambda request: request.options["function"] in ("reduce", "sum", "prod"),
    ),
    listed("prod", "the product starts with 0, so that it is always 0", lambda request, xs: 0.0),
    listed("prod", "the elements are added", lambda request, xs: sum(xs[0])),
    listed("sum", "the sum starts with 1", lambda request, xs: 1.0 + math.fsum(xs[0])),
    listed("map", "the last element is lost", lambda request, xs: [2 * x for x in xs[0][:-1]]),
    listed("map", "the function is not applied", lambda request, xs: xs[0]),
    listed("negList", "the last element is lost", lambda request, xs: [-x for x in xs[0][:-1]]),
    listed("negList", "the elements are not negated", lambda request, xs: xs[0]),
    listed(
        "zipWith",
        "the two arguments of the function are exchanged",
        lambda request, xs: [y - x for x, y in zip(*xs, strict=True)],
    ),
    listed(
        "zipWith",
        "the last element is lost",
        lambda request, xs: [x - y for x, y in zip(*xs, strict=True)][:-1],
    ),
    listed("addLists", "the lists are put together, not added", lambda request, xs: xs[0] + xs[1]),
]
