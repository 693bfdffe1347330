"""Programs of scalars: their values, and their derivatives by dual numbers.

A program is a list of steps ``[name, operand, ...]``. An operand is an int or a float. An int is
the number of an input or of an earlier step; the steps are numbered after the inputs. A float is a
plain number.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from grading.protocol.messages import Plain

T = TypeVar("T")
Program: TypeAlias = list[list[Plain]]
Value: TypeAlias = Callable[..., float]
Partials: TypeAlias = Callable[..., tuple[float, ...]]

EPS = 1e-6
"""Number that the course's logarithm adds to its argument in the editions 2021 – 2023."""


def sigmoid(x: float) -> float:
    """Return the logistic function, without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


VALUES: dict[str, Value] = {
    "add": lambda a, b: a + b,
    "div": lambda a, b: a / b,
    "eq": lambda a, b: float(a == b),
    "exp": math.exp,
    "gt": lambda a, b: float(a > b),
    "log": lambda a: math.log(a + EPS),
    "lt": lambda a, b: float(a < b),
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "relu": lambda a: max(a, 0.0),
    "sigmoid": sigmoid,
    "sub": lambda a, b: a - b,
}

PARTIALS: dict[str, Partials] = {
    "add": lambda a, b: (1.0, 1.0),
    "div": lambda a, b: (1 / b, -a / b**2),
    "eq": lambda a, b: (0.0, 0.0),
    "exp": lambda a: (math.exp(a),),
    "gt": lambda a, b: (0.0, 0.0),
    "log": lambda a: (1 / (a + EPS),),
    "lt": lambda a, b: (0.0, 0.0),
    "mul": lambda a, b: (b, a),
    "neg": lambda a: (-1.0,),
    "relu": lambda a: (float(a > 0),),
    "sigmoid": lambda a: (sigmoid(a) * sigmoid(-a),),
    "sub": lambda a, b: (1.0, -1.0),
}


FORMS: tuple[Mapping[str, Value], ...] = (VALUES, {**VALUES, "log": math.log})
"""The formulas with either logarithm: log(x + EPS), and log(x) as in the edition 2024."""

PARTIAL_FORMS: tuple[Mapping[str, Partials], ...] = (
    PARTIALS,
    {**PARTIALS, "log": lambda a: (1 / a,)},
)
"""The derivatives of both. A submission may combine one logarithm with the other's derivative."""


def _moderate(*xs: float) -> bool:
    return all(abs(x) < 50 for x in xs)


SMOOTH: dict[str, tuple[int, Callable[..., bool]]] = {
    "add": (2, _moderate),
    "div": (2, lambda a, b: _moderate(a) and 0.2 < abs(b) < 50),
    "eq": (2, lambda a, b: a == b or abs(a - b) > 0.1),
    "exp": (1, lambda a: abs(a) < 3),
    "gt": (2, lambda a, b: abs(a - b) > 0.1),
    "log": (1, lambda a: 0.2 < a < 50),
    "lt": (2, lambda a, b: abs(a - b) > 0.1),
    "mul": (2, _moderate),
    "neg": (1, _moderate),
    "relu": (1, lambda a: 0.1 < abs(a) < 50),
    "sigmoid": (1, _moderate),
    "sub": (2, _moderate),
}
"""For each step, its number of operands, and the test for operands at which it is smooth.

The test also excludes large operands, so that results do not overflow. `eq` may compare equal
numbers, too: it jumps there, and its derivative is 0 by definition.
"""


def apply(name: str, *values: float) -> float:
    """Return the value of one step."""
    return VALUES[name](*values)


def values_of(
    program: Program, inputs: Sequence[float], values: Mapping[str, Value] = VALUES
) -> list[float]:
    """Return the result of every step."""
    return [value for value, _ in _duals(program, inputs, 0, values, {})][len(inputs) :]


def derivatives_of(
    program: Program,
    inputs: Sequence[float],
    partials: Mapping[str, Partials] = PARTIALS,
    values: Mapping[str, Value] = VALUES,
) -> list[float]:
    """Return the derivatives of the last step with respect to each input."""
    return [_duals(program, inputs, by, values, partials)[-1][1] for by in range(len(inputs))]


def value_forms(program: Program, inputs: Sequence[float]) -> list[list[float]]:
    """Return the results of every step, once for each of `FORMS` if the program has a logarithm."""
    return [values_of(program, inputs, values) for values in _forms(program, FORMS)]


def derivative_forms(program: Program, inputs: Sequence[float]) -> list[list[float]]:
    """Return the derivatives of the last step for each pair of a logarithm and a derivative."""
    return [
        derivatives_of(program, inputs, partials, values)
        for values in _forms(program, FORMS)
        for partials in _forms(program, PARTIAL_FORMS)
    ]


def _forms(program: Program, forms: Sequence[T]) -> Sequence[T]:
    """Return all forms if the program has a logarithm, else the first."""
    return forms if any(name == "log" for name, *_ in program) else forms[:1]


def _duals(
    program: Program,
    inputs: Sequence[float],
    by: int,
    values: Mapping[str, Value],
    partials: Mapping[str, Partials],
) -> list[tuple[float, float]]:
    """Return the value and the derivative of every input and step.

    Args:
        program: The steps.
        inputs: The inputs.
        by: The number of the input to differentiate by.
        values: The formulas.
        partials: Their derivatives; a formula without one has derivative 0.
    """
    nodes = [(x, float(i == by)) for i, x in enumerate(inputs)]
    for name, *operands in program:
        pairs = [nodes[o] if isinstance(o, int) else (o, 0.0) for o in operands]
        xs = [x for x, _ in pairs]
        slopes = partials[name](*xs) if name in partials else (0.0,) * len(xs)
        slope = sum(d * s for (_, d), s in zip(pairs, slopes, strict=True))
        nodes.append((values[name](*xs), slope))
    return nodes
