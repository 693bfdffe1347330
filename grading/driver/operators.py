"""The scalar formulas and the list functions of module 0."""

from collections.abc import Callable
from typing import Any

import numpy as np

from grading.driver.family import Family
from grading.subject import Answer, Request
from minitorch import operators

family = Family()

FORMULAS: dict[str, Callable[..., float]] = {
    "add": operators.add,
    "eq": operators.eq,
    "exp": operators.exp,
    "id": operators.id,
    "inv": operators.inv,
    "inv_back": operators.inv_back,
    "is_close": operators.is_close,
    "log": operators.log,
    "log_back": operators.log_back,
    "lt": operators.lt,
    "max": operators.max,
    "mul": operators.mul,
    "neg": operators.neg,
    "relu": operators.relu,
    "relu_back": operators.relu_back,
    "sigmoid": operators.sigmoid,
}

ARGUMENTS: dict[str, Callable[..., float]] = {
    "double": lambda x: 2.0 * x,
    # Symmetric, so that the order of the arguments is free, but not associative.
    "middle": lambda x, y: (x + y) / 2.0,
    "difference": lambda x, y: x - y,
}
"""Functions that the list functions are given: the judge's, not the submission's."""


@family.operation
def each(request: Request) -> Answer:
    """Apply a formula to the numbers of arrays, one after the other."""
    formula = FORMULAS[request.options["formula"]]
    columns = [array.tolist() for array in request.arrays]
    results = [float(formula(*numbers)) for numbers in zip(*columns, strict=True)]
    return Answer(request, (np.array(results, np.float64),))


@family.operation
def lists(request: Request) -> Answer:
    """Apply a list function to arrays, given as lists."""
    options = request.options
    name = options["function"]
    given = [array.tolist() for array in request.arrays]
    result: Any
    if name in ("map", "zipWith"):
        make = operators.map if name == "map" else operators.zipWith
        result = make(ARGUMENTS[options["fn"]])(*given)
    elif name == "reduce":
        result = operators.reduce(ARGUMENTS[options["fn"]], options["start"])(*given)
    else:
        named: dict[str, Callable[..., Any]] = {
            "negList": operators.negList,
            "addLists": operators.addLists,
            "sum": operators.sum,
            "prod": operators.prod,
        }
        result = named[name](*given)
    single = name in ("reduce", "sum", "prod")
    array = np.array(float(result) if single else list(result), np.float64)
    return Answer(request, (array,))
