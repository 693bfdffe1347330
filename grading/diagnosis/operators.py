"""Mistakes in the scalar formulas: tasks 0.1 and 0.2."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles.programs import EPS, sigmoid
from grading.diagnosis.mistakes import Mistake, modelled, raising, result
from grading.protocol.messages import Array, Request, Response

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


RIGHT: Mapping[str, Callable[..., float]] = {
    "id": lambda x: x,
    "neg": lambda x: -x,
    "exp": math.exp,
    "log": lambda x: math.log(x + EPS),
    "ln": math.log,
    "inv": lambda x: 1 / x,
    "sigmoid": sigmoid,
    "relu": lambda x: x if x > 0 else 0.0,
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "max": lambda x, y: x if x >= y else y,
    **COMPARISONS,
    "log_back": lambda x, d: d / (x + EPS),
    "ln_back": lambda x, d: d / x,
    "inv_back": lambda x, d: -d / x**2,
    "relu_back": lambda x, d: d if x > 0 else 0.0,
}
"""The right formulas."""

UNARY = ("id", "neg", "exp", "log", "inv", "sigmoid", "relu")
BINARY = ("add", "mul", "max", *COMPARISONS)
POWERS: Mapping[str, str] = {"inv_back": "-d / x²", "log_back": "d / x", "ln_back": "d / x"}
"""Derivatives that are products of powers."""


def _in_words(sign: int, of_d: int, of_x: int) -> str:
    """Return a product of powers of d and x as a formula: `_in_words(-1, 1, -2)` is "-d / x²"."""
    powers = {1: "", 2: "²", 3: "³"}
    over = "".join(f"{name}{powers[p]}" for name, p in (("d", of_d), ("x", of_x)) if p > 0)
    under = f" / x{powers[-of_x]}" if of_x < 0 else ""
    return f"{'-' if sign < 0 else ''}{over or 1}{under}"


def _wrong_formulas() -> Iterator[tuple[str, str, Callable[..., float]]]:
    """Yield changes of each right formula: the function, the cause, and the wrong formula."""
    for name, right in RIGHT.items():
        yield name, f"The result of `{name}` has the wrong sign.", partial(_negated, right)
        yield name, f"`{name}` always returns 0.", lambda *xs: 0.0
        yield name, f"`{name}` always returns 1.", lambda *xs: 1.0
        if name in UNARY:
            for other in UNARY:
                if other not in (name, "id"):
                    yield name, f"`{name}` is computed as `{other}`.", RIGHT[other]
        elif name in BINARY:
            for other in BINARY:
                if other != name:
                    yield name, f"`{name}` is computed as `{other}`.", RIGHT[other]
            yield name, f"`{name}` returns its first argument.", lambda x, y: x
            yield name, f"`{name}` returns its second argument.", lambda x, y: y
            yield name, f"`{name}` returns the difference of its arguments.", lambda x, y: x - y
            yield name, f"`{name}` returns the difference of its arguments.", lambda x, y: y - x
        if name in POWERS:
            for sign, of_d, of_x in product((1, -1), (0, 1, 2), range(-3, 3)):
                words = _in_words(sign, of_d, of_x)
                if words != POWERS[name]:
                    cause = f"`{name}` returns {words}. Return {POWERS[name]}."
                    yield name, cause, partial(_powers, sign, of_d, of_x)


def _negated(right: Callable[..., float], *xs: float) -> float:
    return -right(*xs)


def _powers(sign: int, of_d: int, of_x: int, x: float, d: float) -> float:
    return float(sign * d**of_d * (x**of_x if of_x else 1.0))


def recognised(name: str, cause: str, fits: Callable[[list[Array], Array], bool]) -> Mistake:
    """Return a mistake in a formula of which a constant or a region is unknown.

    Args:
        name: The function.
        cause: The likely cause, see `Mistake`.
        fits: Returns whether it leads to the results of arguments.
    """

    def explains(finding: Finding) -> bool | None:
        request = finding.request
        if request.operation != "operators.each" or request.options["formula"] != name:
            return None
        if finding.response is None:
            return None
        with np.errstate(all="ignore"):
            return fits(list(request.arrays), finding.response.array)

    return Mistake(FORMULAS, cause, explains)


def _values(name: str, arrays: list[Array]) -> Array:
    rows = zip(*(array.tolist() for array in arrays), strict=True)
    return np.array([RIGHT[name](*row) for row in rows])


def _has_another_limit(arrays: list[Array], received: Array) -> bool:
    """Return whether the result compares the distance with another limit than 0.01."""
    distance = abs(arrays[0] - arrays[1])
    if not np.isin(received, (0, 1)).all():
        return False
    is_close = received == 1
    return bool(
        (is_close != (distance < 1e-2)).any()
        and distance[is_close].max(initial=0.0) <= distance[~is_close].min(initial=np.inf)
    )


def _adds_another_number(arrays: list[Array], received: Array) -> bool:
    """Return whether the result is log(x + c) with a large or a negative c."""
    added = np.exp(received) - arrays[0]
    return bool(
        np.isfinite(added).all()
        and np.allclose(added, np.median(added), rtol=1e-6, atol=1e-5 * (1 + arrays[0].max()))
        and abs(np.median(added) - EPS) > 1e-3
    )


def _is_wrong_where(
    name: str, where: Callable[[Array], Array], arrays: list[Array], received: Array
) -> bool:
    """Return whether all wrong results, at least one, belong to some arguments."""
    wrong = ~np.isclose(received, _values(name, arrays), rtol=1e-9, atol=0, equal_nan=True)
    return bool(wrong.any() and where(arrays[0])[wrong].all())


REGIONS: Mapping[str, Callable[[Array], Array]] = {
    "negative x": lambda x: x < 0,
    "positive x": lambda x: x > 0,
}
"""Regions in which a formula with branches may be wrong."""


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
    *(formula(name, cause, wrong) for name, cause, wrong in _wrong_formulas()),
    recognised("is_close", "The limit of `is_close` is wrong. It is 0.01.", _has_another_limit),
    recognised(
        "log",
        "You add another number than EPS to the argument of the logarithm.",
        _adds_another_number,
    ),
    *(
        recognised(
            name,
            f"The formula of `{name}` for {words} is wrong.",
            partial(_is_wrong_where, name, where),
        )
        for name in ("sigmoid", "relu", "relu_back")
        for words, where in REGIONS.items()
    ),
]
