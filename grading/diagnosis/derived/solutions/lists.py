"""Right functions of lists: task 0.3."""

from collections.abc import Callable, Mapping

import numpy as np

from grading.diagnosis.derived.solution import Solution
from grading.diagnosis.lists import FOLDS
from grading.diagnosis.mistakes import result
from grading.protocol.messages import Request, Response

Numbers = list[float]

FUNCTIONS: Mapping[str, Callable[..., float]] = {**FOLDS, "double": lambda x: 2.0 * x}
"""The functions that the checks pass to list functions."""


def map_list(fn: Callable[[float], float], xs: Numbers) -> Numbers:
    """Apply a function to each number."""
    found: Numbers = []
    for x in xs:  # the loop of `map`
        found.append(fn(x))  # the result of `map`
    return found


def zip_lists(fn: Callable[[float, float], float], xs: Numbers, ys: Numbers) -> Numbers:
    """Apply a function to each pair."""
    found: Numbers = []
    for i in range(min(len(xs), len(ys))):  # the loop of `zipWith`
        found.append(fn(xs[i], ys[i]))  # the result of `zipWith`
    return found


def fold(fn: Callable[[float, float], float], start: float, xs: Numbers) -> float:
    """Combine all numbers, from the first one on."""
    found = start  # the start of `reduce`
    for x in xs:  # the loop of `reduce`
        found = fn(found, x)  # the step of `reduce`
    return found


def negate_list(xs: Numbers) -> Numbers:
    """Return the negative numbers."""
    return map_list(lambda x: -x, xs)  # the result of `negList`


def add_lists(xs: Numbers, ys: Numbers) -> Numbers:
    """Return the sums of all pairs."""
    return zip_lists(lambda x, y: x + y, xs, ys)  # the result of `addLists`


def sum_list(xs: Numbers) -> float:
    """Return the sum."""
    return fold(lambda x, y: x + y, 0.0, xs)  # the result of `sum`


def multiply_list(xs: Numbers) -> float:
    """Return the product."""
    return fold(lambda x, y: x * y, 1.0, xs)  # the result of `prod`


def respond(request: Request) -> Response | None:
    """Return the result of a list function."""
    options, lists = request.options, [array.tolist() for array in request.arrays]
    fn = FUNCTIONS.get(options.get("fn", ""))
    found: Numbers | float
    match options["function"], fn:
        case "map", _ if fn is not None:
            found = map_list(fn, *lists)
        case "zipWith", _ if fn is not None:
            found = zip_lists(fn, *lists)
        case "reduce", _ if fn is not None:
            found = fold(fn, options["start"], *lists)
        case "negList", _:
            found = negate_list(*lists)
        case "addLists", _:
            found = add_lists(*lists)
        case "sum", _:
            found = sum_list(*lists)
        case "prod", _:
            found = multiply_list(*lists)
        case _:
            return None
    return result(request, np.array(found, np.float64))


SOLUTIONS = (
    Solution(
        ("0.3",),
        r"operators\.lists",
        respond,
        (map_list, zip_lists, fold, negate_list, add_lists, sum_list, multiply_list),
    ),
)
"""The right solution of the functions of lists."""
