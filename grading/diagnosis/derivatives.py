"""Mistakes in numerical derivatives: task 1.1."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from grading.diagnosis.mistakes import Mistake, modelled, result
from grading.protocol.messages import Request, Response

Function = Callable[[float], float]


def difference(cause: str, wrong: Callable[[Function, float, float], float]) -> Mistake:
    """Return a mistake in the difference quotient.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: Returns the wrong quotient of a function of one number, at a point, with a step.
    """

    def model(request: Request) -> Response:
        moved, at = request.options["arg"], request.options["at"]
        return result(request, wrong(_along(request, moved), at[moved], request.options["epsilon"]))

    return modelled(("1.1",), cause, r"autodiff\.difference", model, absolute=1e-7)


def _quotients() -> Iterator[tuple[str, Callable[[Function, float, float], float]]]:
    """Yield causes of wrong quotients: wrong distances, divisors and signs."""
    for factor, words in (
        (0.5, "half as large as it has to be: the divisor is twice the distance of both points"),
        (2.0, "twice as large as it has to be: the divisor is half the distance of both points"),
        (0.25, "a quarter of the right one: the divisor is four times the distance of both points"),
        (4.0, "four times as large as it has to be"),
        (-0.5, "half as large as it has to be, and has the wrong sign"),
    ):
        for step in (0.5, 1.0, 2.0):
            cause = f"The quotient is {words}. Divide by 2 * epsilon, the distance of both points."
            yield cause, partial(_scaled, factor, step)
    for step, words in ((2.0, "2 * epsilon"), (0.5, "epsilon / 2")):
        cause = f"The points are at a distance of {words} from the argument. Use epsilon."
        yield cause, partial(_scaled, 1.0, step)
    multiplied = "You multiply the difference by epsilon. Divide it by 2 * epsilon."
    yield multiplied, lambda f, x, step: (f(x + step) - f(x - step)) / 2 * step
    yield multiplied, lambda f, x, step: (f(x + step) - f(x - step)) * step
    added = "The two values are added. Subtract them."
    yield added, lambda f, x, step: (f(x + step) + f(x - step)) / (2 * step)
    yield (
        "Both values are taken at the same point, so that the difference is 0.",
        lambda f, x, step: 0.0,
    )


def _scaled(factor: float, multiple: float, f: Function, x: float, step: float) -> float:
    return factor * _symmetric(f, x, multiple * step)


def _along(request: Request, moved: int) -> Function:
    """Return the polynomial as a function of one of its arguments."""
    at = request.options["at"]

    return lambda x: polynomial(request, [*at[:moved], x, *at[moved + 1 :]])


def polynomial(request: Request, point: Sequence[float]) -> float:
    """Return the value of the polynomial of a request."""
    return math.fsum(
        factor * math.prod(xi**e for xi, e in zip(point, exponents, strict=True))
        for factor, exponents in request.options["terms"]
    )


def _symmetric(f: Function, x: float, step: float) -> float:
    return (f(x + step) - f(x - step)) / (2 * step)


def _by_the_first(request: Request) -> Response:
    f, x, step = _along(request, 0), request.options["at"][0], request.options["epsilon"]
    return result(request, (f(x + step) - f(x - step)) / (2 * step))


def _moving_all(request: Request) -> Response:
    step, at = request.options["epsilon"], request.options["at"]
    above, below = (polynomial(request, [x + s for x in at]) for s in (step, -step))
    return result(request, (above - below) / (2 * step))


MISTAKES = [
    modelled(
        ("1.1",),
        "All arguments move. Move only the argument with number `arg`.",
        r"autodiff\.difference",
        _moving_all,
        absolute=1e-7,
    ),
    difference(
        "The step grows with the argument. Use epsilon itself.",
        lambda f, x, step: _symmetric(f, x, step * (1 + abs(x))),
    ),
    difference(
        "The step grows with the argument. Use epsilon itself.",
        lambda f, x, step: _symmetric(f, x, step * abs(x)),
    ),
    difference(
        "You take the difference to one side only, from x to x + epsilon. Take it from x - "
        "epsilon to x + epsilon.",
        lambda f, x, step: (f(x + step) - f(x)) / step,
    ),
    difference(
        "You take the difference to one side only, from x - epsilon to x. Take it from x - "
        "epsilon to x + epsilon.",
        lambda f, x, step: (f(x) - f(x - step)) / step,
    ),
    difference(
        "The difference spans two steps, but you divide by one. Divide by 2 * epsilon.",
        lambda f, x, step: (f(x + step) - f(x - step)) / step,
    ),
    difference(
        "You do not divide the difference by 2 * epsilon.",
        lambda f, x, step: f(x + step) - f(x - step),
    ),
    difference(
        "The two values are subtracted in the wrong order.",
        lambda f, x, step: (f(x - step) - f(x + step)) / (2 * step),
    ),
    *(difference(cause, wrong) for cause, wrong in _quotients()),
    difference(
        "You ignore epsilon: the step is always 1e-6.",
        lambda f, x, step: (f(x + 1e-6) - f(x - 1e-6)) / 2e-6,
    ),
    modelled(
        ("1.1",),
        "You always move the first argument. Move the argument with number `arg`.",
        r"autodiff\.difference",
        _by_the_first,
        absolute=1e-7,
    ),
]
