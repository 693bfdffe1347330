"""Mistakes in numerical derivatives: task 1.1."""

import math
from collections.abc import Callable

from grading.diagnosis.mistakes import Mistake, modelled, result
from grading.protocol.messages import Request, Response

Function = Callable[[float], float]


def difference(cause: str, wrong: Callable[[Function, float, float], float]) -> Mistake:
    """Return a mistake in the quotient: of a function of one number, where, and the step."""

    def model(request: Request) -> Response:
        moved, at = request.options["arg"], request.options["at"]
        return result(request, wrong(_along(request, moved), at[moved], request.options["epsilon"]))

    return modelled(("1.1",), cause, r"autodiff\.difference", model, absolute=1e-7)


def _along(request: Request, moved: int) -> Function:
    """Return the polynomial as a function of one of its arguments."""
    at = request.options["at"]

    def f(x: float) -> float:
        point = [*at[:moved], x, *at[moved + 1 :]]
        return math.fsum(
            factor * math.prod(xi**e for xi, e in zip(point, exponents, strict=True))
            for factor, exponents in request.options["terms"]
        )

    return f


def _by_the_first(request: Request) -> Response:
    f, x, step = _along(request, 0), request.options["at"][0], request.options["epsilon"]
    return result(request, (f(x + step) - f(x - step)) / (2 * step))


MISTAKES = [
    difference(
        "the difference is taken to one side only, from x to x + epsilon",
        lambda f, x, step: (f(x + step) - f(x)) / step,
    ),
    difference(
        "the difference is taken to one side only, from x - epsilon to x",
        lambda f, x, step: (f(x) - f(x - step)) / step,
    ),
    difference(
        "the difference over two steps is divided by one: divide by 2 * epsilon",
        lambda f, x, step: (f(x + step) - f(x - step)) / step,
    ),
    difference(
        "the difference is not divided by the steps",
        lambda f, x, step: f(x + step) - f(x - step),
    ),
    difference(
        "the two values are subtracted the wrong way round",
        lambda f, x, step: (f(x - step) - f(x + step)) / (2 * step),
    ),
    difference(
        "epsilon is ignored: the step is 1e-6 whatever is given",
        lambda f, x, step: (f(x + 1e-6) - f(x - 1e-6)) / 2e-6,
    ),
    modelled(
        ("1.1",),
        "always the first argument is moved, whatever `arg` says",
        r"autodiff\.difference",
        _by_the_first,
        absolute=1e-7,
    ),
]
