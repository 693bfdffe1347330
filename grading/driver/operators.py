"""The scalar formulas and the list functions of module 0."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from grading.driver.answers import number, numbers
from grading.driver.family import Family
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
    if name in ("map", "zipWith", "reduce"):
        settings = [ARGUMENTS[options["fn"]], *([options["start"]] if name == "reduce" else [])]
        result = _higher_order(function, settings, given)
    else:
        result = function(*given)
    single = name in ("reduce", "sum", "prod")
    what = f"`{name}`"
    array = np.array(number(result, what) if single else numbers(result, what), np.float64)
    return Response(request, (array,))


def _higher_order(function: Any, settings: list[Any], lists: list[Any]) -> Any:
    """Call a function that is given a function.

    The course's editions of 2022 and 2023 return a function of lists. From 2024 on the learner
    chooses the signature: all arguments at once, the lists before or after the starting value.
    """
    count = _parameters(function)
    if count is None or count <= len(settings):
        return function(*settings)(*lists)
    names = list(inspect.signature(function).parameters)
    if len(settings) == 2 and names[-1] in ("start", "initial", "initial_value", "init"):
        return function(settings[0], *lists, settings[1])
    return function(*settings, *lists)


def _parameters(function: Any) -> int | None:
    """Return how many arguments a function must be given; None if it cannot be known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(parameter.kind not in positional for parameter in parameters):
        return None
    return sum(parameter.default is parameter.empty for parameter in parameters)
