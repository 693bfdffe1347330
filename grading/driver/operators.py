"""The scalar formulas and the list functions of module 0."""

import importlib
import inspect
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from grading.driver.family import Family
from grading.driver.results import items, number, numbers
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
"""Functions that the judge passes to the list functions."""

FOLDS = ("reduce", "sum", "prod")
"""List functions that return a number."""


@family.operation
def each(request: Request) -> Response:
    """Apply a formula to each row of numbers; each array is one argument."""
    formula = getattr(operators, request.options["formula"])
    columns = [array.tolist() for array in request.arrays]
    name = request.options["formula"]
    results = [number(formula(*row), f"`{name}`") for row in zip(*columns, strict=True)]
    return Response(request, (np.array(results, np.float64),))


@family.operation
def lists(request: Request) -> Response:
    """Apply a list function to arrays, converted to lists."""
    name = request.options["function"]
    result = _call(request, [array.tolist() for array in request.arrays])
    what = f"`{name}`"
    array = np.array(number(result, what) if name in FOLDS else numbers(result, what), np.float64)
    return Response(request, (array,))


@family.operation
def arguments(request: Request) -> Response:
    """Apply a list function to arrays, converted to lists, and return these lists afterwards."""
    name = request.options["function"]
    columns = [array.tolist() for array in request.arrays]
    result = _call(request, columns)
    if name not in FOLDS:
        items(result, f"`{name}`")  # A lazy result is computed only now.
    return Response(
        request, tuple(np.array(numbers(xs, f"`{name}`"), np.float64) for xs in columns)
    )


def _call(request: Request, columns: list[list[float]]) -> Any:
    """Call the list function of a request with lists."""
    options = request.options
    name = options["function"]
    function: Any = getattr(operators, name)
    if name == "reduce":
        return _reduce(function, ARGUMENTS[options["fn"]], options["start"], columns[0])
    if name in ("map", "zipWith"):
        return _apply(function, ARGUMENTS[options["fn"]], columns)
    return function(*columns)


def _apply(function: Any, fn: Any, lists: list[Any]) -> Any:
    """Call `map` or `zipWith`: curried until 2023, of any signature since 2024."""
    if _takes(function, 1 + len(lists)):
        return function(fn, *lists)
    return function(fn)(*lists)


def _reduce(function: Any, fn: Any, start: float, numbers: list[Any]) -> Any:
    """Call `reduce`: curried with a start until 2023, of any signature since 2024.

    The names of the parameters do not matter. If the signature has no start, the start becomes the
    first element of the list.
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
    """Call the function that a curried `reduce` returns: of a list, or of a list and a start."""
    if not _takes(fold, 2):
        return fold([start, *numbers])
    return _first_number([lambda: fold(numbers, start), lambda: fold(start, numbers)])


def _first_number(calls: list[Callable[[], Any]]) -> Any:
    """Return the result of the first call that returns a number, else that of the first call.

    A function that expects its arguments in another order raises a type error, or does not return a
    number.

    Raises:
        Exception: A call raised it, and it is not about types; or the first call raised it and no
            other returned a number.
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
    """Return whether a function accepts a number of positional arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except (TypeError, ValueError):
        return False
    return True
