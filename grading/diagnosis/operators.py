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

LOSES_NAN = "Every comparison with NaN is false, so `max` returns the other number."


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
    """Return a mistake in one list function; `wrong` gets the request and its lists."""

    def model(request: Request) -> Response | None:
        if request.options["function"] != name:
            return None
        response = wrong(request, [array.tolist() for array in request.arrays])
        return result(request, np.array(response, np.float64))

    return modelled(LISTS, cause, r"operators\.lists", model)


def in_place(name: str, right: Callable[[list[list[float]]], list[float]]) -> Mistake:
    """Return the mistake of writing the result of a list function into its first list."""

    def model(request: Request) -> Response | None:
        if request.options["function"] != name:
            return None
        return result(request, np.array(right([array.tolist() for array in request.arrays])))

    cause = f"`{name}` writes its result into its argument. Build a new list."
    return modelled(LISTS, cause, r"operators\.arguments", model)


def _middle(x: float, y: float) -> float:
    return (x + y) / 2


def _fold(start: float, xs: list[float]) -> float:
    return reduce(_middle, xs, start)


MISTAKES = [
    formula(
        "lt",
        "`lt` returns 1 for equal numbers: it computes less than or equal. Equal numbers "
        "are not less than each other.",
        lambda x, y: float(x <= y),
    ),
    formula("lt", "`lt` compares in the wrong order: it tests x > y.", lambda x, y: float(x > y)),
    formula(
        "eq",
        "`eq` accepts numbers that are only close. Return 1 for equal numbers only.",
        lambda x, y: float(abs(x - y) < 1e-2),
    ),
    formula(
        "is_close",
        "`is_close` does not take the absolute value of the difference.",
        lambda x, y: float(x - y < 1e-2),
    ),
    formula(
        "is_close",
        "`is_close` tests for equality. Accept any difference below 0.01.",
        lambda x, y: float(x == y),
    ),
    formula(
        "is_close",
        "`is_close` accepts a difference of up to 0.1. The limit is 0.01.",
        lambda x, y: abs(x - y) < 0.1,
    ),
    formula("max", LOSES_NAN, lambda x, y: x if x > y else y),
    formula("max", LOSES_NAN, lambda x, y: y if y > x else x),
    formula("max", "`max` returns the smaller number.", min),
    formula(
        "max",
        "`max` compares absolute values. Compare the numbers themselves.",
        lambda x, y: x if abs(x) > abs(y) else y,
    ),
    formula("neg", "`neg` returns its argument unchanged.", lambda x: x),
    formula("neg", "`neg` returns the negative of the absolute value.", lambda x: -abs(x)),
    formula("add", "`add` multiplies.", lambda x, y: x * y),
    formula("mul", "`mul` adds.", lambda x, y: x + y),
    formula("relu", "`relu` returns negative arguments unchanged. Return 0 for them.", lambda x: x),
    formula("relu", "`relu` returns the absolute value.", abs),
    formula("relu", "`relu` returns its own derivative.", lambda x: float(x > 0)),
    formula("sigmoid", "The exponent has the wrong sign.", lambda x: 1 / (1 + math.exp(x))),
    raising(
        FORMULAS,
        "You use one formula for both signs of x, and it overflows. For negative x, compute "
        "exp(x) / (1 + exp(x)).",
        r"operators\.each",
        "OverflowError",
        _overflows,
    ),
    formula("log", "You do not add EPS to the argument of the logarithm.", lambda x: math.log(x)),
    formula(
        "log",
        "You do not add EPS to the argument of the logarithm.",
        lambda x: math.log(x) if x else -math.inf,
    ),
    raising(
        FORMULAS,
        "You do not add EPS to the argument of the logarithm.",
        r"operators\.each",
        "ValueError",
        _takes_logarithm_of_zero,
    ),
    formula(
        "log",
        "You add EPS to the logarithm. Add it to the argument of the logarithm.",
        lambda x: math.log(x) + EPS,
    ),
    formula("inv", "`inv` negates. Return 1 / x.", lambda x: -x),
    formula(
        "relu_back",
        "The derivative of `relu` is not multiplied by d.",
        lambda x, d: float(x > 0),
    ),
    formula("relu_back", "You return x. Return d.", lambda x, d: x if x > 0 else 0.0),
    formula("relu_back", "You return d for negative x, too. Return 0 there.", lambda x, d: d),
    formula("relu_back", "The roles of x and d are exchanged.", lambda x, d: x if d > 0 else 0.0),
    formula("inv_back", "The derivative of 1 / x has the wrong sign.", lambda x, d: d / x**2),
    formula("inv_back", "The derivative of 1 / x is not multiplied by d.", lambda x, d: -1 / x**2),
    formula("inv_back", "The square is missing in -1 / x².", lambda x, d: -d / x),
    formula("inv_back", "The roles of x and d are exchanged.", lambda x, d: -x / d**2),
    formula(
        "log_back", "The derivative of the logarithm is not multiplied by d.", lambda x, d: 1 / x
    ),
    formula("log_back", "You multiply d by x. Divide d by x.", lambda x, d: d * x),
    formula("log_back", "The roles of x and d are exchanged.", lambda x, d: x / d),
    listed(
        "reduce",
        "`reduce` ignores its start value and begins with 0.",
        lambda request, xs: _fold(0.0, xs[0]),
    ),
    listed(
        "reduce",
        "`reduce` begins with the first element. Begin with the start value.",
        lambda request, xs: _fold(xs[0][0], xs[0][1:]),
    ),
    listed(
        "reduce",
        "`reduce` begins with the start value, but omits the first element.",
        lambda request, xs: _fold(request.options["start"], xs[0][1:]),
    ),
    listed(
        "reduce",
        "`reduce` folds from the right.",
        lambda request, xs: _fold(request.options["start"], xs[0][::-1]),
    ),
    listed(
        "reduce",
        "`reduce` returns after the first element.",
        lambda request, xs: _fold(request.options["start"], xs[0][:1]),
    ),
    listed(
        "reduce",
        "`reduce` combines each element with the start value. Combine it with the result so far.",
        lambda request, xs: _middle(request.options["start"], xs[0][-1]),
    ),
    raising(
        LISTS,
        "`reduce` begins with the first element, and an empty list has none. Begin with the "
        "start value.",
        r"operators\.lists",
        "IndexError",
        lambda request: request.options["function"] in ("reduce", "sum", "prod"),
    ),
    listed(
        "prod",
        "You return 0 for an empty list. The product of no numbers is 1.",
        lambda request, xs: math.prod(xs[0]) if xs[0] else 0.0,
    ),
    listed("prod", "The product starts with 0, so it is always 0.", lambda request, xs: 0.0),
    listed("prod", "You add the elements. Multiply them.", lambda request, xs: sum(xs[0])),
    listed("sum", "The sum starts with 1.", lambda request, xs: 1.0 + math.fsum(xs[0])),
    listed("map", "The last element is missing.", lambda request, xs: [2 * x for x in xs[0][:-1]]),
    listed("map", "The function is not applied.", lambda request, xs: xs[0]),
    listed("negList", "The last element is missing.", lambda request, xs: [-x for x in xs[0][:-1]]),
    listed("negList", "The elements are not negated.", lambda request, xs: xs[0]),
    listed(
        "zipWith",
        "The two arguments of the function are exchanged.",
        lambda request, xs: [y - x for x, y in zip(*xs, strict=True)],
    ),
    listed(
        "zipWith",
        "The last element is missing.",
        lambda request, xs: [x - y for x, y in zip(*xs, strict=True)][:-1],
    ),
    listed(
        "addLists",
        "You concatenate the lists. Add them element by element.",
        lambda request, xs: xs[0] + xs[1],
    ),
    in_place("map", lambda xs: [2 * x for x in xs[0]]),
    in_place("zipWith", lambda xs: [x - y for x, y in zip(*xs, strict=True)]),
    in_place("negList", lambda xs: [-x for x in xs[0]]),
    in_place("addLists", lambda xs: [x + y for x, y in zip(*xs, strict=True)]),
]
