"""Mistakes in the scalar formulas and the list functions: tasks 0.1 to 0.3."""

import math
import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import TypeAlias

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles.programs import EPS, sigmoid
from grading.diagnosis.mistakes import Mistake, modelled, raising, result
from grading.protocol.messages import Request, Response

FORMULAS = ("0.1", "0.2")
LISTS = ("0.3",)

COMPARISONS: Mapping[str, Callable[[float, float], float]] = {
    "lt": lambda x, y: float(x < y),
    "eq": lambda x, y: float(x == y),
    "is_close": lambda x, y: float(abs(x - y) < 1e-2),
}

LOSES_NAN = "Every comparison with NaN is false, so `max` returns the other number."


def formula(name: str, cause: str, wrong: Callable[..., float]) -> Mistake:
    """Return a mistake in one formula."""

    def model(request: Request) -> Response | None:
        if request.options["formula"] != name:
            return None
        rows = zip(*(array.tolist() for array in request.arrays), strict=True)
        return result(request, np.array([wrong(*xs) for xs in rows]))

    return modelled(FORMULAS, cause, r"operators\.each", model)


def _overflows(request: Request, where: Callable[[float], bool]) -> bool:
    """Return whether a request for sigmoid contains a number for which a formula overflows."""
    is_sigmoid = request.options["formula"] == "sigmoid"
    return is_sigmoid and any(map(where, request.arrays[0].tolist()))


def _accepts_a_share(finding: Finding) -> bool | None:
    """Return whether `is_close` is wrong only for different large numbers, which it accepts."""
    request = finding.request
    if request.options.get("formula") != "is_close" or finding.response is None:
        return None
    x, y = request.arrays
    wrong = (finding.response.array == 1) & (abs(x - y) >= 1e-2)
    share = abs(x - y) / (1 + np.maximum(abs(x), abs(y)))
    return bool(wrong.any() and (share[wrong] < 0.05).all())


def _base(base: float) -> Callable[[float], float]:
    return lambda x: math.log(x + EPS, base)


def _d_below(x: float, d: float) -> float:
    return d if x < 0 else 0.0


def _takes_logarithm_of_zero(request: Request) -> bool:
    return request.options["formula"] == "log" and bool((request.arrays[0] == 0).any())


Fold: TypeAlias = Callable[[float, float], float]

FOLDS: Mapping[str, Fold] = {
    "total": lambda x, y: x + y,
    "middle": lambda x, y: (x + y) / 2,
    "difference": lambda x, y: x - y,
}
"""The functions of two numbers that the checks pass to list functions."""

RIGHT_LISTS: Mapping[str, Callable[[list[list[float]]], list[float]]] = {
    "map": lambda xs: [2 * x for x in xs[0]],
    "negList": lambda xs: [-x for x in xs[0]],
    "zipWith": lambda xs: [x - y for x, y in zip(*xs, strict=False)],
    "addLists": lambda xs: [x + y for x, y in zip(*xs, strict=False)],
}
"""The right results of functions that return a list, for the functions of the checks."""


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

    cause = "The function writes its result into its argument. Build a new list."
    return modelled(LISTS, cause, r"operators\.arguments", model)


def folded(cause: str, wrong: Callable[[Fold, float, list[float]], float]) -> Mistake:
    """Return a mistake in `reduce`; `wrong` gets the function, the start value and the list."""

    def fold(request: Request, xs: list[list[float]]) -> float:
        return wrong(FOLDS[request.options["fn"]], request.options["start"], xs[0])

    return listed("reduce", cause, fold)


def changes_argument(finding: Finding) -> bool | None:
    """Return whether a list function changed its argument."""
    if finding.request.operation != "operators.arguments":
        return None
    return "changes its argument" in finding.sentence or None


WRONG_LISTS: Mapping[str, Callable[[list[float]], list[float]]] = {
    "the last element is missing": lambda ys: ys[:-1],
    "the first element is missing": lambda ys: ys[1:],
    "the result contains only the first element": lambda ys: ys[:1],
    "the result contains only the last element": lambda ys: ys[-1:],
    "the elements are in reverse order": lambda ys: ys[::-1],
    "the elements have the wrong sign": lambda ys: [-y for y in ys],
}
"""Mistakes of functions that return a list: sentences, and changes of the right result."""


def _zipped(f: Fold) -> Callable[[Request, list[list[float]]], list[float]]:
    return lambda request, xs: list(map(f, *xs))


def _changed(
    right: Callable[[list[list[float]]], list[float]], wrong: Callable[[list[float]], list[float]]
) -> Callable[[Request, list[list[float]]], list[float]]:
    return lambda request, xs: wrong(right(xs))


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
        "`is_close` accepts a difference of exactly 0.01. The difference has to be smaller.",
        lambda x, y: float(abs(x - y) <= 1e-2),
    ),
    Mistake(
        FORMULAS,
        "`is_close` accepts a difference above 0.01, perhaps of large numbers only. The limit is "
        "0.01 for all numbers.",
        _accepts_a_share,
    ),
    formula(
        "is_close",
        "`is_close` accepts a difference above 0.01, perhaps of large numbers only. The limit is "
        "0.01 for all numbers.",
        lambda x, y: float(abs(x - y) < 0.1),
    ),
    formula(
        "is_close",
        "`is_close` accepts a difference of up to 0.001 only. The limit is 0.01.",
        lambda x, y: float(abs(x - y) < 1e-3),
    ),
    formula("max", LOSES_NAN, lambda x, y: x if x > y else y),
    formula("max", LOSES_NAN, lambda x, y: y if y > x else x),
    formula("max", "`max` returns the smaller number.", lambda x, y: x if x < y else y),
    formula("max", "`max` returns the smaller number.", lambda x, y: y if y < x else x),
    formula(
        "max",
        "`max` compares absolute values. Compare the numbers themselves.",
        lambda x, y: x if abs(x) > abs(y) else y,
    ),
    *(
        formula(
            name,
            f"`{name}` returns the opposite: 1 where it has to return 0.",
            lambda x, y, right=right: 1.0 - right(x, y),
        )
        for name, right in COMPARISONS.items()
    ),
    formula("eq", "`eq` compares in one direction only.", lambda x, y: float(x <= y)),
    formula("eq", "`eq` compares in one direction only.", lambda x, y: float(x >= y)),
    formula("max", "`max` returns its first argument.", lambda x, y: x),
    formula("max", "`max` returns its second argument.", lambda x, y: y),
    formula("id", "`id` does not return its argument.", lambda x: 0.0),
    formula("add", "`add` subtracts.", lambda x, y: x - y),
    formula("mul", "`mul` divides.", lambda x, y: x / y),
    formula("neg", "`neg` returns its argument unchanged.", lambda x: x),
    formula("neg", "`neg` returns the reciprocal.", lambda x: 1 / x),
    formula("exp", "`exp` returns its argument unchanged.", lambda x: x),
    formula("exp", "The exponent has the wrong sign.", lambda x: math.exp(-x)),
    formula("exp", "`exp` computes a power of 2. Use the base e.", lambda x: 2.0**x),
    formula("log", "The logarithm has another base. Use the natural logarithm.", _base(10)),
    formula("log", "The logarithm has another base. Use the natural logarithm.", _base(2)),
    formula("sigmoid", "`sigmoid` is computed as `exp`.", math.exp),
    formula("sigmoid", "`sigmoid` returns its derivative.", lambda x: sigmoid(x) * sigmoid(-x)),
    formula("relu", "`relu` returns the negative part.", lambda x: min(x, 0.0)),
    formula("inv", "`inv` returns its argument unchanged.", lambda x: x),
    formula("inv", "`inv` returns 1 / x².", lambda x: 1 / x**2),
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
        lambda request: _overflows(request, lambda x: x < -700),
    ),
    raising(
        FORMULAS,
        "The formula with exp(x) overflows for large positive x. Use 1 / (1 + exp(-x)) there.",
        r"operators\.each",
        "OverflowError",
        lambda request: _overflows(request, lambda x: abs(x) > 700),
    ),
    formula(
        "sigmoid",
        "The formula for negative x is wrong. Compute exp(x) / (1 + exp(x)) there.",
        lambda x: sigmoid(x) if x >= 0 else 1 / (1 + math.exp(x)),
    ),
    formula(
        "sigmoid",
        "The formula for negative x is wrong. Compute exp(x) / (1 + exp(x)) there.",
        lambda x: sigmoid(x) if x >= 0 else math.exp(x) / (1 + math.exp(-x)),
    ),
    formula(
        "sigmoid",
        "The formula for negative x is wrong. Compute exp(x) / (1 + exp(x)) there.",
        lambda x: sigmoid(x) if x >= 0 else math.exp(x),
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
    formula(
        "relu_back",
        "You test the sign of d. Test the sign of x.",
        lambda x, d: d if d > 0 else 0.0,
    ),
    formula("relu_back", "The roles of x and d are exchanged.", lambda x, d: x if d > 0 else 0.0),
    formula("relu_back", "You return d for negative x. Return it for positive x.", _d_below),
    formula("inv_back", "The derivative of 1 / x has the wrong sign.", lambda x, d: d / x**2),
    formula("inv_back", "The derivative of 1 / x is not multiplied by d.", lambda x, d: -1 / x**2),
    formula("inv_back", "The square is missing in -1 / x².", lambda x, d: -d / x),
    formula("inv_back", "The roles of x and d are exchanged.", lambda x, d: -x / d**2),
    formula(
        "log_back", "The derivative of the logarithm is not multiplied by d.", lambda x, d: 1 / x
    ),
    formula("log_back", "You multiply d by x. Divide d by x.", lambda x, d: d * x),
    formula("log_back", "You multiply d by x. Divide d by x.", lambda x, d: d * (x + EPS)),
    formula("log_back", "The derivative of the logarithm has the wrong sign.", lambda x, d: -d / x),
    formula("log_back", "You divide d by x². Divide it by x.", lambda x, d: d / x**2),
    formula("inv_back", "You multiply d by x². Divide it by x².", lambda x, d: -d * x**2),
    formula("log_back", "The roles of x and d are exchanged.", lambda x, d: x / d),
    folded(
        "`reduce` ignores its start value and begins with 0.", lambda f, _, xs: reduce(f, xs, 0.0)
    ),
    folded(
        "`reduce` begins with the first element. Begin with the start value.",
        lambda f, start, xs: reduce(f, xs) if xs else start,
    ),
    folded(
        "`reduce` begins with the start value, but omits the first element.",
        lambda f, start, xs: reduce(f, xs[1:], start),
    ),
    folded("`reduce` omits the last element.", lambda f, start, xs: reduce(f, xs[:-1], start)),
    folded("`reduce` folds from the right.", lambda f, start, xs: reduce(f, xs[::-1], start)),
    folded(
        "`reduce` exchanges the arguments of the function.",
        lambda f, start, xs: reduce(lambda x, y: f(y, x), xs, start),
    ),
    folded(
        "`reduce` returns after the first element.",
        lambda f, start, xs: reduce(f, xs[:1], start),
    ),
    folded(
        "`reduce` combines each element with the start value. Combine it with the result so far.",
        lambda f, start, xs: f(start, xs[-1]),
    ),
    folded(
        "`reduce` counts its start value twice.",
        lambda f, start, xs: f(reduce(f, xs, start), start),
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
    listed("prod", "The product lacks its first factor.", lambda r, xs: math.prod(xs[0][1:])),
    listed("prod", "The product lacks its last factor.", lambda r, xs: math.prod(xs[0][:-1])),
    listed("sum", "The sum starts with 1.", lambda request, xs: 1.0 + math.fsum(xs[0])),
    listed("sum", "You multiply the elements. Add them.", lambda request, xs: math.prod(xs[0])),
    listed("sum", "The sum lacks its first term.", lambda request, xs: math.fsum(xs[0][1:])),
    listed("sum", "The sum lacks its last term.", lambda request, xs: math.fsum(xs[0][:-1])),
    listed("map", "The function is not applied.", lambda request, xs: xs[0]),
    listed("map", "The function is applied twice.", lambda request, xs: [4 * x for x in xs[0]]),
    listed("negList", "The elements are not negated.", lambda request, xs: xs[0]),
    listed(
        "negList",
        "You return the negative absolute values. Negate each element.",
        lambda request, xs: [-abs(x) for x in xs[0]],
    ),
    *(
        listed(name, f"`{name}` {word} the elements.", _zipped(f))
        for name, word, f in (
            ("addLists", "subtracts", operator.sub),
            ("addLists", "multiplies", operator.mul),
            ("zipWith", "adds", operator.add),
        )
    ),
    listed(
        "zipWith",
        "The two arguments of the function are exchanged.",
        lambda request, xs: [y - x for x, y in zip(*xs, strict=False)],
    ),
    listed(
        "addLists",
        "You concatenate the lists. Add them element by element.",
        lambda request, xs: xs[0] + xs[1],
    ),
    *(
        listed(name, f"`{name}`: {change}.", _changed(right, wrong))
        for name, right in RIGHT_LISTS.items()
        for change, wrong in WRONG_LISTS.items()
    ),
    *(in_place(name, right) for name, right in RIGHT_LISTS.items()),
    Mistake(LISTS, "The function changes the list that it receives.", changes_argument),
]
