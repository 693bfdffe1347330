"""The scalar formulas and the list functions of module 0."""

import importlib
import inspect
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from grading.driver.family import Family
from grading.driver.results import number, numbers
from grading.protocol.messages import Request, Response

family = Family()
operators: Any = importlib.import_module("minitorch.operators")

ARGUMENTS: dict[str, Callable[..., float]] = {
    "double": lambda x: 2.0 * x,
    "total": lambda x, y: x + y,
    # Symmetric, so that the order of the arguments is free, but not associative.
    "middle": lambda x, y: (x + y) / 2.0,
    "difference": lambda x, y: x - y,
}
"""Functions that the list functions are given: the judge's, not the submission's."""


@family.operation
def each(request: Request) -> Response:
    """Apply a formula to the numbers of arrays, one after the other."""
    formula = getattr(operators, request.options["formula"])
    columns = [array.tolist() for array in request.arrays]
    name = request.options["formula"]
    results = [number(formula(*row), f"`{name}`") for row in zip(*columns, strict=True)]
    return Response(request, (np.array(results, np.float64),))


@family.operation
def lists(request: Request) -> Response:
    """Apply a list function to arrays, given as lists."""
    options = request.options
    name = options["function"]
    given = [array.tolist() for array in request.arrays]
    result: Any
    function: Any = getattr(operators, name)
    if name == "reduce":
        result = _reduce(function, ARGUMENTS[options["fn"]], options["start"], given[0])
    elif name in ("map", "zipWith"):
        result = _apply(function, ARGUMENTS[options["fn"]], given)
    else:
        result = function(*given)
    single = name in ("reduce", "sum", "prod")
    what = f"`{name}`"
    array = np.array(number(result, what) if single else numbers(result, what), np.float64)
    return Response(request, (array,))


def _apply(function: Any, fn: Any, lists: list[Any]) -> Any:
    """Call `map` or `zipWith`: curried until 2023, of any signature since 2024."""
    if _takes(function, 1 + len(lists)):
        return function(fn, *lists)
    return function(fn)(*lists)


def _reduce(function: Any, fn: Any, start: float, numbers: list[Any]) -> Any:
    """Call `reduce`: curried with a start until 2023, of any signature since 2024.

    What the arguments are called decides nothing. A signature without a start is given the start
    as the first element.
    """
    if _takes(function, 3):
        calls: list[Callable[[], Any]] = [
            lambda: function(fn, numbers, start),
            lambda: function(fn, start, numbers),
        ]
    elif _takes(function, 2):
        calls = [
            lambda: function(fn, start)(numbers),
            lambda: function(fn, [start, *numbers]),
        ]
    else:
        calls = [lambda: _fold(function(fn), start, numbers)]
    return _first_number(calls)


def _fold(fold: Any, start: float, numbers: list[Any]) -> Any:
    """Call what a curried `reduce` without a start returns: a function of a list, or of both."""
    if not _takes(fold, 2):
        return fold([start, *numbers])
    return _first_number([lambda: fold(numbers, start), lambda: fold(start, numbers)])


def _first_number(calls: list[Callable[[], Any]]) -> Any:
    """Return the result of the first call that returns a number; else what the first comes to.

    Arguments in an order that a function does not expect are an error of their type, or no number.

    Raises:
        Exception: Raised by a call, and not about types; or whatever the first call raised.
    """
    first: list[Any] = []
    for call in calls:
        try:
            result = call()
        except (AttributeError, TypeError) as error:
            first.append(error)
        else:
            if isinstance(result, Real):
                return result
            first.append(result)
    if isinstance(first[0], Exception):
        raise first[0]
    return first[0]


def _takes(function: Any, count: int) -> bool:
    """Return whether a function can be called with a number of arguments by position."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except (TypeError, ValueError):
        return False
    return True
