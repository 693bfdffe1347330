"""A right numerical derivative: task 1.1."""

from collections.abc import Callable

from grading.diagnosis.derivatives import polynomial
from grading.diagnosis.derived.solution import Solution
from grading.diagnosis.mistakes import result
from grading.protocol.messages import Request, Response


def central_difference(f: Callable[..., float], at: list[float], arg: int, epsilon: float) -> float:
    """Return the central difference quotient."""
    above = list(at)
    below = list(at)
    above[arg] = above[arg] + epsilon  # the point above
    below[arg] = below[arg] - epsilon  # the point below
    return (f(*above) - f(*below)) / (2.0 * epsilon)  # the difference quotient


def respond(request: Request) -> Response | None:
    """Return the quotient for a polynomial."""
    options = request.options

    def f(*xs: float) -> float:
        return polynomial(request, xs)

    return result(
        request, central_difference(f, list(options["at"]), options["arg"], options["epsilon"])
    )


SOLUTIONS = (
    Solution(("1.1",), r"autodiff\.difference", respond, (central_difference,), absolute=1e-7),
)
"""The right solution of numerical derivatives."""
