"""Operations on scalars: programs, the chain rule, and backpropagation.

`grading.checking.oracles.programs` describes programs.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grading.driver import editions
from grading.driver.editions import find
from grading.driver.family import Family
from grading.driver.results import ResultError, number, truth
from grading.protocol.messages import Plain, Request, Response
from minitorch.scalar import Scalar

family = Family()

STEPS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "div": lambda a, b: a / b,
    "eq": lambda a, b: a == b,
    "exp": lambda a: a.exp(),
    "gt": lambda a, b: a > b,
    "log": lambda a: a.log(),
    "lt": lambda a, b: a < b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "relu": lambda a: a.relu(),
    "sigmoid": lambda a: a.sigmoid(),
    "sub": lambda a, b: a - b,
}


EITHER_ORDER = ("add", "mul", "eq")
"""Commutative steps: a submission may exchange their operands."""


def run_program(program: Plain, nodes: list[Any]) -> list[Any]:
    """Append the result of each step to the inputs."""
    for name, *operands in program:
        operands = [nodes[operand] if isinstance(operand, int) else operand for operand in operands]
        nodes.append(STEPS[name](*operands))
    return nodes


def data_of(scalar: Any) -> float:
    """Return the number of a scalar.

    Raises:
        ResultError: It is not a scalar, or its data is not a number.
    """
    if not isinstance(scalar, Scalar):
        raise ResultError(f"the result is {type(scalar).__name__}, expected a Scalar")
    return number(scalar.data, "the data of a Scalar")


def derivatives(scalars: Sequence[Any]) -> Any:
    """Return the derivatives of scalars as an array; 0 for a scalar without one."""
    found = [scalar.derivative for scalar in scalars]
    return np.array([0.0 if d is None else number(d, "a derivative") for d in found])


@family.operation
def program(request: Request) -> Response:
    """Run a program; return the value of every step, and the derivatives of the last one."""
    options = request.options
    inputs = [Scalar(x) for x in options["inputs"]]
    nodes = run_program(options["program"], [*inputs])
    values = np.array([data_of(node) for node in nodes[len(inputs) :]])
    if "backward" not in options:
        return Response(request, (values,))
    for d_output in options["backward"]:
        if d_output is None:
            nodes[-1].backward()
        else:
            nodes[-1].backward(d_output)
    return Response(request, (values, derivatives(inputs)))


@family.operation
def defines(request: Request) -> Response:
    """Return whether the class `Scalar` has an attribute."""
    return Response(request, plain=hasattr(Scalar, request.options["name"]))


@family.operation
def history(request: Request) -> Response:
    """Apply one step to leaves and describe the history of the result."""
    name = request.options["step"]
    inputs = [Scalar(x) for x in request.options["inputs"]]
    result = STEPS[name](*inputs)
    parents = editions.parents(result)
    if name in EITHER_ORDER:
        parents.sort(key=lambda parent: [x is parent for x in inputs], reverse=True)
    return Response(
        request,
        plain={
            "leaves": [truth(x.is_leaf()) for x in inputs],
            "result is leaf": truth(result.is_leaf()),
            "result is constant": truth(editions.is_constant(result)),
            "parents": [i for p in parents for i, x in enumerate(inputs) if x is p],
            "data": [data_of(x) for x in inputs],
        },
    )


@family.operation
def chain_rule(request: Request) -> Response:
    """Apply a test function to scalars, some of them constants, and run its chain rule.

    The option `factors` has the derivatives of the function. `backward` multiplies them by its
    argument and by the value that `forward` saved.
    """
    options = request.options
    factors, saved = options["factors"], options["saved"]

    function: Any = find("scalar_functions:ScalarFunction", "scalar:ScalarFunction")
    history: Any = find("scalar:ScalarHistory", "autodiff:History")

    class MadeUp(function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, *xs: float) -> float:
            ctx.save_for_backward(saved)
            return float(sum(xs))

        @staticmethod
        def backward(ctx: Any, d_output: float) -> Any:
            (kept,) = editions.saved_values(ctx)
            arrived = number(d_output, "`chain_rule`")
            derivatives = tuple(factor * kept * arrived for factor in factors)
            return derivatives if len(derivatives) > 1 else derivatives[0]

    distinct = [
        Scalar(x, None if constant else history())
        for x, constant in zip(options["inputs"], options["constants"], strict=True)
    ]
    operands = [distinct[i] for i in options["uses"]]
    result = MadeUp.apply(*operands)
    pairs = editions.chain_rule(result, options["d_output"])
    described = [
        [next(i for i, x in enumerate(distinct) if x is node), number(derivative, "`chain_rule`")]
        for node, derivative in pairs
    ]
    return Response(request, plain=described)
