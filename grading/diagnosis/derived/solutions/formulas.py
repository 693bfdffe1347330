"""Right formulas of numbers and their derivatives: tasks 0.1, 1.2, 1.4, 2.3 and 2.4."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from grading.checking.oracles.programs import EPS
from grading.diagnosis import gradients, loops, scalars
from grading.diagnosis.backward import COMPOSITIONS
from grading.diagnosis.derived.solution import Derived, Solution, counted
from grading.diagnosis.derived.variants import Steps, variants
from grading.diagnosis.mistakes import Mistake, result
from grading.protocol.messages import Request, Response


def add(x: float, y: float) -> float:
    """Return x + y."""
    return x + y


def sub(x: float, y: float) -> float:
    """Return x - y."""
    return x - y


def mul(x: float, y: float) -> float:
    """Return x · y."""
    return x * y


def div(x: float, y: float) -> float:
    """Return x / y."""
    return x / y


def lt(x: float, y: float) -> float:
    """Return 1 for x < y."""
    return 1.0 if x < y else 0.0


def gt(x: float, y: float) -> float:
    """Return 1 for x > y."""
    return 1.0 if x > y else 0.0


def eq(x: float, y: float) -> float:
    """Return 1 for equal numbers."""
    return 1.0 if x == y else 0.0


def maximum(x: float, y: float) -> float:
    """Return the larger number."""
    return x if x >= y else y


def is_close(x: float, y: float) -> float:
    """Return 1 for numbers with a small difference."""
    return 1.0 if math.fabs(x - y) < 1e-2 else 0.0


def identity(x: float) -> float:
    """Return x."""
    return x


def neg(x: float) -> float:
    """Return -x."""
    return -x


def inv(x: float) -> float:
    """Return 1 / x."""
    return 1.0 / x


def log(x: float) -> float:
    """Return the logarithm."""
    return math.log(x + EPS)


def exp(x: float) -> float:
    """Return the exponential."""
    return math.exp(x)


def relu(x: float) -> float:
    """Return x for positive x, else 0."""
    return x if x > 0.0 else 0.0


def sigmoid(x: float) -> float:
    """Return the logistic function, without overflow."""
    if x >= 0.0:  # the test for the sign in `sigmoid`
        return 1.0 / (1.0 + math.exp(-x))  # the formula of `sigmoid` for positive numbers
    return math.exp(x) / (1.0 + math.exp(x))  # the formula of `sigmoid` for negative numbers


def log_back(x: float, d: float) -> float:
    """Return the derivative of the logarithm times d."""
    return d / (x + EPS)  # the derivative of `log`


def inv_back(x: float, d: float) -> float:
    """Return the derivative of 1 / x times d."""
    return -d / (x * x)  # the derivative of 1 / x


def relu_back(x: float, d: float) -> float:
    """Return the derivative of relu times d."""
    return d if x > 0.0 else 0.0  # the derivative of `relu`


def sigmoid_back(value: float, d: float) -> float:
    """Return the derivative of the logistic function times d, from its value."""
    return d * value * (1.0 - value)  # the derivative of `sigmoid`


FORMULAS: Mapping[str, Callable[..., float]] = {
    **{
        each.__name__: each
        for each in (add, sub, mul, div, lt, gt, eq, is_close, neg, inv, log, exp, relu, sigmoid)
    },
    "max": maximum,
    "id": identity,
    "log_back": log_back,
    "inv_back": inv_back,
    "relu_back": relu_back,
}
"""The formulas by their names in requests."""


def respond(request: Request) -> Response | None:
    """Return the results of a formula for rows of numbers."""
    formula = globals()[FORMULAS[request.options["formula"]].__name__]
    rows = zip(*(array.tolist() for array in request.arrays), strict=True)
    return result(request, np.array([formula(*xs) for xs in rows], np.float64))


def add_slopes(d: float, x: float, y: float) -> tuple[float, float]:
    return d, d  # the derivatives of `+`


def sub_slopes(d: float, x: float, y: float) -> tuple[float, float]:
    return d, -d  # the derivatives of `-`


def mul_slopes(d: float, x: float, y: float) -> tuple[float, float]:
    return d * y, d * x  # the derivatives of `*`


def div_slopes(d: float, x: float, y: float) -> tuple[float, float]:
    return d / y, -d * x / (y * y)  # the derivatives of `/`


def lt_slopes(d: float, x: float, y: float) -> tuple[float, float]:
    return 0.0, 0.0  # the derivative of `<`


def gt_slopes(d: float, x: float, y: float) -> tuple[float, float]:
    return 0.0, 0.0  # the derivative of `>`


def eq_slopes(d: float, x: float, y: float) -> tuple[float, float]:
    return 0.0, 0.0  # the derivative of `==`


def neg_slopes(d: float, x: float) -> tuple[float]:
    return (-d,)  # the derivative of `neg`


def inv_slopes(d: float, x: float) -> tuple[float]:
    return (inv_back(x, d),)  # the derivative of 1 / x


def log_slopes(d: float, x: float) -> tuple[float]:
    return (log_back(x, d),)  # the derivative of `log`


def exp_slopes(d: float, x: float) -> tuple[float]:
    return (d * math.exp(x),)  # the derivative of `exp`


def relu_slopes(d: float, x: float) -> tuple[float]:
    return (relu_back(x, d),)  # the derivative of `relu`


def sigmoid_slopes(d: float, x: float) -> tuple[float]:
    value = sigmoid(x)  # the value in the derivative of `sigmoid`
    return (sigmoid_back(value, d),)  # the derivative of `sigmoid`


SLOPES: Mapping[str, Callable[..., tuple[float, ...]]] = {
    "add": add_slopes,
    "sub": sub_slopes,
    "mul": mul_slopes,
    "div": div_slopes,
    "lt": lt_slopes,
    "gt": gt_slopes,
    "eq": eq_slopes,
    "neg": neg_slopes,
    "inv": inv_slopes,
    "log": log_slopes,
    "exp": exp_slopes,
    "relu": relu_slopes,
    "sigmoid": sigmoid_slopes,
}
"""The derivatives by the names of the functions; the first argument is the upstream derivative."""

OF_MODULE_0_BY_SLOPE: Mapping[str, Callable[..., float]] = {
    "inv": inv_back,
    "log": log_back,
    "relu": relu_back,
    "sigmoid": sigmoid_back,
}
"""The functions of module 0 that compute derivatives, by the names of the functions."""

SOLUTIONS = (Solution(("0.1",), r"operators\.each", respond, tuple(FORMULAS.values())),)
"""The right solution of the formulas."""

Definition = Callable[[str, str, Callable[..., Any], frozenset[str]], Mistake]
"""Returns a mistake in one function: its name, the cause, the wrong function, the composition."""

DEFINED: Mapping[str, tuple[Definition, Mapping[str, Callable[..., Any]]]] = {
    "1.2": (scalars.value, FORMULAS),
    "1.4": (scalars.slope, SLOPES),
    "2.3": (loops.formula, FORMULAS),
    "2.4": (gradients.slope, SLOPES),
}
"""For each task on whole functions, the definition of a mistake, and the right formulas."""

OF_MODULE_0 = ("max", "id", "is_close", "log_back", "inv_back", "relu_back")
"""Formulas without a function of scalars or tensors."""


def derived(task_id: str, steps: Steps) -> Iterator[Derived]:
    """Yield the mistakes in formulas, and in derivatives, that are derived for a task."""
    if task_id not in DEFINED:
        return
    define, formulas = DEFINED[task_id]
    for name, formula in formulas.items():
        if name in OF_MODULE_0:
            continue
        changed = [formula]
        if formula in SLOPES.values() and name in OF_MODULE_0_BY_SLOPE:
            changed.append(OF_MODULE_0_BY_SLOPE[name])
        for change, wrong in variants(formula, changed, steps):
            if task_id == "2.4":
                change = replace(change, place=change.place.replace("derivative", "gradient"))
            for composed in COMPOSITIONS:
                mistake = define(name, change.cause, wrong, composed)
                yield Derived(change.place, counted(mistake, steps))
