"""Numerical derivatives, and backpropagation through a graph that the judge defines."""

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
"""Number of visits after which a search stops, because it follows every path through the graph."""


@family.operation
def difference(request: Request) -> Response:
    """Compute the numerical derivative of a polynomial in several variables.

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
    """A variable of a graph that the judge defines; it counts the calls of its methods."""

    derivative: float | None = None

    def __init__(self, number: int, graph: Plain, log: Plain) -> None:
        self.number = number
        self.graph = graph
        self.log = log
        self.nodes: list[Probe] = []

    @property
    def unique_id(self) -> int | str:
        """Unique number or string, which does not show the order of the variables."""
        number = (self.number * 7919 + 13) % 104729
        return number if Variable is object else f"Variable{number}"

    @property
    def name(self) -> str:
        """Name of the variable, as in the course."""
        return str(self.unique_id)

    def is_leaf(self) -> bool:
        """Return whether the variable has no function that computed it."""
        return not self.graph["edges"][self.number] and not self.is_constant()

    def is_constant(self) -> bool:
        """Return whether the variable needs no derivative."""
        return self.number in self.graph["constants"]

    @property
    def parents(self) -> Iterable["Probe"]:
        """Variables that this one was computed from."""
        self.count_visit()
        return [self.nodes[parent] for parent, _ in self.graph["edges"][self.number]]

    @property
    def history(self) -> "ProbeHistory | None":
        """The history of the variable, for code that finds parents there, as in the course.

        A leaf has a history without a function; a constant has no history.
        """
        return None if self.is_constant() else ProbeHistory(self)

    def accumulate_derivative(self, x: Any) -> None:
        """Add to the derivative of a leaf."""
        if not self.is_leaf():
            raise ResultError("accumulate_derivative was called on a variable that is not a leaf")
        self.derivative = (self.derivative or 0.0) + number(x, "`backpropagate`")

    def chain_rule(self, d_output: Any) -> Iterable[tuple["Probe", Any]]:
        """Return pairs of a parent and its derivative."""
        self.count_visit()
        self.log["chain rule"][self.number] += 1
        derivative = number(d_output, "`backpropagate`")
        return [
            (self.nodes[parent], weight * derivative)
            for parent, weight in self.graph["edges"][self.number]
        ]

    def count_visit(self) -> None:
        """Count a visit.

        Raises:
            ResultError: There are too many visits.
        """
        self.log["visits"] += 1
        if self.log["visits"] > self.graph.get("most_visits", MOST_VISITS):
            raise ResultError(
                f"the graph has {len(self.nodes)} variables, and they were visited "
                f"{self.log['visits']} times: is each path followed separately?"
            )


class ProbeHistory:
    """The history of a probe, with the function that computed it, as in the edition 2021."""

    ctx = None

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self.last_fn = None if probe.is_leaf() else self

    @property
    def inputs(self) -> Iterable[Probe]:
        """Parents of the probe."""
        return () if self.last_fn is None else self._probe.parents

    def is_leaf(self) -> bool:
        """Return whether the probe has no function that computed it."""
        return self.last_fn is None

    def backprop_step(self, d_output: Any) -> Iterable[tuple[Probe, Any]]:
        """Return pairs of a parent and its derivative, without constants."""
        return [pair for pair in self._probe.chain_rule(d_output) if not pair[0].is_constant()]

    def chain_rule(self, ctx: Any, inputs: Any, d_output: Any) -> Iterable[tuple[Probe, Any]]:
        """Return the same pairs as `backprop_step`."""
        return self.backprop_step(d_output)


def probes(graph: Plain) -> tuple[list[Probe], Plain]:
    """Build the graph; return its variables and their common log."""
    size = len(graph["edges"])
    log: Plain = {"visits": 0, "chain rule": [0] * size}
    nodes = [Probe(number, graph, log) for number in range(size)]
    for node in nodes:
        node.nodes = nodes
    return nodes, log


@family.operation
def sort(request: Request) -> Response:
    """Return the numbers of the variables in topological order, from the last one."""
    nodes, _ = probes(request.options["graph"])
    order: Any = find("autodiff:topological_sort")(nodes[-1])
    found = items(order, "`topological_sort`")
    if not all(isinstance(node, Probe) for node in found):
        raise ResultError("`topological_sort` returned an object that is not in the graph")
    return Response(request, plain=[node.number for node in found])


@family.operation
def backward(request: Request) -> Response:
    """Backpropagate from the last variable; return derivatives and calls of the chain rule."""
    nodes, log = probes(request.options["graph"])
    find("autodiff:backpropagate")(nodes[-1], request.options["deriv"])
    return Response(
        request,
        plain={
            "derivatives": [node.derivative or 0.0 for node in nodes],
            "chain rule": log["chain rule"],
        },
    )
