"""A right backpropagation through a graph: task 1.4."""

from typing import TypeAlias

from grading.diagnosis.derived.solution import Solution
from grading.diagnosis.mistakes import plain
from grading.protocol.messages import Plain, Request, Response

Variable: TypeAlias = int
Graph: TypeAlias = Plain


def is_constant(variable: Variable, graph: Graph) -> bool:
    """Return whether a variable needs no derivative."""
    return variable in graph["constants"]


def is_leaf(variable: Variable, graph: Graph) -> bool:
    """Return whether a variable was not computed."""
    return not graph["edges"][variable] and not is_constant(variable, graph)


def parents_of(variable: Variable, graph: Graph) -> list[Variable]:
    """Return the variables that a variable was computed from."""
    return [parent for parent, _ in graph["edges"][variable]]


def topological_sort(variable: Variable, graph: Graph) -> list[Variable]:
    """Return the variables that a variable depends on, from the last one, without constants."""
    order: list[Variable] = []
    seen: set[Variable] = set()
    visit(variable, graph, order, seen)  # the first visit
    return order[::-1]  # the order of the result


def visit(variable: Variable, graph: Graph, order: list[Variable], seen: set[Variable]) -> None:
    """Append a variable to the order, after all that it depends on."""
    if is_constant(variable, graph) or variable in seen:  # the test if a variable is visited
        return
    seen.add(variable)  # the set of visited variables
    for parent in parents_of(variable, graph):  # the loop over the parents
        visit(parent, graph, order, seen)  # the visit of the parents
    order.append(variable)  # the order of the variables


def backpropagate(
    variable: Variable,
    deriv: float,
    graph: Graph,
    derivatives: dict[Variable, float],
    calls: dict[Variable, int],
) -> None:
    """Add the derivatives of all leaves."""
    pending = {variable: deriv}  # the derivative of the last variable
    for each in topological_sort(variable, graph):  # the loop over the variables
        derivative = pending.get(each, 0.0)  # the derivative that has arrived at a variable
        if is_leaf(each, graph):  # the test if a variable is a leaf
            derivatives[each] += derivative  # the derivative of a leaf
        else:
            calls[each] += 1
            for parent, weight in graph["edges"][each]:  # the loop over the chain rule
                if not is_constant(parent, graph):  # the test if a parent is a constant
                    arrived = pending.get(parent, 0.0)  # the sum over all paths
                    pending[parent] = arrived + weight * derivative  # the sum over all paths


def respond(request: Request) -> Response | None:
    """Return the derivatives of a graph and the calls of the chain rule."""
    graph = request.options["graph"]
    count = len(graph["edges"])
    derivatives, calls = dict.fromkeys(range(count), 0.0), dict.fromkeys(range(count), 0)
    backpropagate(count - 1, float(request.options["deriv"]), graph, derivatives, calls)
    values = {"derivatives": list(derivatives.values()), "chain rule": list(calls.values())}
    return plain(request, values)


SOLUTIONS = (
    Solution(("1.4",), r"autodiff\.backward", respond, (topological_sort, visit, backpropagate)),
)
"""The right solution of backpropagation."""
