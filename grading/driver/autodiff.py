"""Numerical derivatives, and backpropagation through a graph of the judge's own making."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np

from grading.driver.answers import AnswerError, items, number
from grading.driver.family import Family
from grading.protocol.messages import Plain, Request, Response
from minitorch.autodiff import backpropagate, central_difference, topological_sort

family = Family()

MOST_VISITS = 10_000
"""A search that follows every path through a graph is stopped here."""


@family.operation
def difference(request: Request) -> Response:
    """Take the numerical derivative of a polynomial in several variables.

    The polynomial is a sum of terms ``[factor, exponents]``.
    """
    options = request.options

    def f(*xs: float) -> float:
        return float(
            sum(
                factor * np.prod([x**e for x, e in zip(xs, exponents, strict=True)])
                for factor, exponents in options["terms"]
            )
        )

    value = central_difference(f, *options["at"], arg=options["arg"], epsilon=options["epsilon"])
    return Response(request, (np.array(number(value, "`central_difference`")),))


class Probe:
    """A variable that knows its place in a made-up graph and counts what is done to it."""

    def __init__(self, number: int, graph: Plain, log: Plain) -> None:
        self.number = number
        self.graph = graph
        self.log = log
        self.nodes: list[Probe] = []
        self.derivative: float | None = None

    @property
    def unique_id(self) -> int:
        """A number that only this probe has, which says nothing of the order."""
        return (self.number * 7919 + 13) % 104729

    @property
    def name(self) -> str:
        """A name, as the course's variables have one."""
        return str(self.unique_id)

    def is_leaf(self) -> bool:
        """Return whether nothing computed this variable."""
        return not self.graph["edges"][self.number] and not self.is_constant()

    def is_constant(self) -> bool:
        """Return whether no derivative is wanted."""
        return self.number in self.graph["constants"]

    @property
    def parents(self) -> Iterable["Probe"]:
        """The variables that this one was computed from."""
        self._count("looked at")
        return [self.nodes[parent] for parent, _ in self.graph["edges"][self.number]]

    @property
    def history(self) -> Any:
        """The parents once more, for code that looks them up as the course's variables have them.

        A leaf has a history without a function, a constant has none.
        """
        if self.is_constant():
            return None
        return SimpleNamespace(
            last_fn=None if self.is_leaf() else type(self),
            inputs=() if self.is_leaf() else self.parents,
        )

    def accumulate_derivative(self, x: Any) -> None:
        """Add to the derivative of a leaf."""
        if not self.is_leaf():
            raise AnswerError("accumulate_derivative was called on a variable that is no leaf")
        self.derivative = (self.derivative or 0.0) + number(x, "`backpropagate`")

    def chain_rule(self, d_output: Any) -> Iterable[tuple["Probe", Any]]:
        """Pair each parent with its derivative."""
        self._count("chain rule")
        self.log["chain rule"][self.number] += 1
        derivative = number(d_output, "`backpropagate`")
        return [
            (self.nodes[parent], weight * derivative)
            for parent, weight in self.graph["edges"][self.number]
        ]

    def _count(self, what: str) -> None:
        self.log["visits"] += 1
        if self.log["visits"] > self.graph.get("most_visits", MOST_VISITS):
            raise AnswerError(
                f"the graph has {len(self.nodes)} variables, and they were asked "
                f"{self.log['visits']} times already: is each path followed anew?"
            )


def probes(graph: Plain) -> tuple[list[Probe], Plain]:
    """Build the graph; return its variables and the log that they share."""
    size = len(graph["edges"])
    log: Plain = {"visits": 0, "chain rule": [0] * size}
    nodes = [Probe(number, graph, log) for number in range(size)]
    for node in nodes:
        node.nodes = nodes
    return nodes, log


@family.operation
def sort(request: Request) -> Response:
    """Sort the graph of the last variable."""
    nodes, _ = probes(request.options["graph"])
    order: Any = topological_sort(nodes[-1])
    found = items(order, "`topological_sort`")
    if not all(isinstance(node, Probe) for node in found):
        raise AnswerError("`topological_sort` returned something that is no variable of the graph")
    return Response(request, plain=[node.number for node in found])


@family.operation
def backward(request: Request) -> Response:
    """Backpropagate from the last variable."""
    nodes, log = probes(request.options["graph"])
    backpropagate(nodes[-1], request.options["deriv"])
    return Response(
        request,
        plain={
            "derivatives": [node.derivative or 0.0 for node in nodes],
            "chain rule": log["chain rule"],
        },
    )
