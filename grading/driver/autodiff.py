"""Numerical derivatives, and backpropagation through a graph of the judge's own making."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from grading.driver.editions import find, variable_class
from grading.driver.family import Family
from grading.driver.results import ResultError, items, number
from grading.protocol.messages import Plain, Request, Response

family = Family()

Variable: Any = variable_class()

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

    central_difference = find("autodiff:central_difference", "scalar:central_difference")
    value = central_difference(f, *options["at"], arg=options["arg"], epsilon=options["epsilon"])
    return Response(request, (np.array(number(value, "`central_difference`")),))


class Probe(Variable):  # type: ignore[misc]
    """A variable that knows its place in a made-up graph and counts what is done to it."""

    derivative: float | None = None

    def __init__(self, number: int, graph: Plain, log: Plain) -> None:
        self.number = number
        self.graph = graph
        self.log = log
        self.nodes: list[Probe] = []

    @property
    def unique_id(self) -> int | str:
        """A number or a text that only this probe has, which says nothing of the order."""
        number = (self.number * 7919 + 13) % 104729
        return number if Variable is object else f"Variable{number}"

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
        self.count_visit()
        return [self.nodes[parent] for parent, _ in self.graph["edges"][self.number]]

    @property
    def history(self) -> "ProbeHistory | None":
        """The parents once more, for code that looks them up as the course's variables have them.

        A leaf has a history without a function, a constant has none.
        """
        return None if self.is_constant() else ProbeHistory(self)

    def accumulate_derivative(self, x: Any) -> None:
        """Add to the derivative of a leaf."""
        if not self.is_leaf():
            raise ResultError("accumulate_derivative was called on a variable that is no leaf")
        self.derivative = (self.derivative or 0.0) + number(x, "`backpropagate`")

    def chain_rule(self, d_output: Any) -> Iterable[tuple["Probe", Any]]:
        """Pair each parent with its derivative."""
        self.count_visit()
        self.log["chain rule"][self.number] += 1
        derivative = number(d_output, "`backpropagate`")
        return [
            (self.nodes[parent], weight * derivative)
            for parent, weight in self.graph["edges"][self.number]
        ]

    def count_visit(self) -> None:
        """Count that the graph was looked at.

        Raises:
            RuntimeError: It was looked at too often.
        """
        self.log["visits"] += 1
        if self.log["visits"] > self.graph.get("most_visits", MOST_VISITS):
            raise ResultError(
                f"the graph has {len(self.nodes)} variables, and they were asked "
                f"{self.log['visits']} times already: is each path followed anew?"
            )


class ProbeHistory:
    """The history of a probe, with the function that computed it, as 2021 follows them."""

    ctx = None

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self.last_fn = None if probe.is_leaf() else self

    @property
    def inputs(self) -> Iterable[Probe]:
        """The parents of the probe."""
        return () if self.last_fn is None else self._probe.parents

    def is_leaf(self) -> bool:
        """Return whether nothing computed the probe."""
        return self.last_fn is None

    def backprop_step(self, d_output: Any) -> Iterable[tuple[Probe, Any]]:
        """Pair each parent that is no constant with its derivative."""
        return [pair for pair in self._probe.chain_rule(d_output) if not pair[0].is_constant()]

    def chain_rule(self, ctx: Any, inputs: Any, d_output: Any) -> Iterable[tuple[Probe, Any]]:
        """Take the step as the function."""
        return self.backprop_step(d_output)


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
    order: Any = find("autodiff:topological_sort")(nodes[-1])
    found = items(order, "`topological_sort`")
    if not all(isinstance(node, Probe) for node in found):
        raise ResultError("`topological_sort` returned something that is no variable of the graph")
    return Response(request, plain=[node.number for node in found])


@family.operation
def backward(request: Request) -> Response:
    """Backpropagate from the last variable."""
    nodes, log = probes(request.options["graph"])
    find("autodiff:backpropagate")(nodes[-1], request.options["deriv"])
    return Response(
        request,
        plain={
            "derivatives": [node.derivative or 0.0 for node in nodes],
            "chain rule": log["chain rule"],
        },
    )
