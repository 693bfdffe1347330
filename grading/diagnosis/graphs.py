"""Mistakes in the topological order and in backpropagation: task 1.4."""

from collections.abc import Callable
from functools import partial

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles.graphs import paths_to, reachable
from grading.checking.oracles.programs import VALUES, Program, derivatives_of
from grading.diagnosis.backward import SLOPES
from grading.diagnosis.mistakes import Mistake, modelled, plain, raising, same_values
from grading.protocol.messages import Plain, Request, Response


def backpropagation(
    cause: str, wrong: Callable[[Plain, float], tuple[list[float], list[int]]]
) -> Mistake:
    """Return a mistake in backpropagation.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: A function of a graph and the derivative of its result. It returns the wrong
            derivatives, and the number of times that the chain rule is applied to each variable.
    """

    def model(request: Request) -> Response:
        derivatives, counts = wrong(request.options["graph"], request.options["deriv"])
        return plain(request, {"derivatives": derivatives, "chain rule": counts})

    return modelled(("1.4",), cause, r"autodiff\.backward", model)


def _leaves(graph: Plain) -> list[bool]:
    return [not edges and i not in graph["constants"] for i, edges in enumerate(graph["edges"])]


def _right(graph: Plain, deriv: float) -> tuple[list[float], list[int]]:
    reached, leaf = reachable(graph), _leaves(graph)
    totals = paths_to(graph, deriv)
    derivatives = [t if leaf[i] and i in reached else 0.0 for i, t in enumerate(totals)]
    return derivatives, [int(i in reached and not leaf[i]) for i in range(len(leaf))]


def _path_by_path(graph: Plain, deriv: float) -> tuple[list[float], list[int]]:
    derivatives, _ = _right(graph, deriv)
    leaf, counts = _leaves(graph), [0] * len(graph["edges"])
    todo = [len(counts) - 1]
    while todo:
        number = todo.pop()
        if leaf[number]:
            continue
        counts[number] += 1
        if sum(counts) > 10_000:
            raise OverflowError("too many paths")
        parents = [parent for parent, _ in graph["edges"][number]]
        todo += [parent for parent in parents if parent not in graph["constants"]]
    return derivatives, counts


def keeps_one_contribution(finding: Finding) -> bool | None:
    """Return whether each derivative is the contribution of a single path, for any valid order."""
    if finding.request.operation != "autodiff.backward" or finding.response is None:
        return None
    graph, deriv = finding.request.options["graph"], finding.request.options["deriv"]
    count = len(graph["edges"])
    possible: list[set[float]] = [set() for _ in range(count)]
    possible[-1] = {deriv}
    for number in reversed(range(count)):
        for parent, weight in graph["edges"][number]:
            possible[parent] |= {weight * value for value in possible[number]}
            if len(possible[parent]) > 1000:
                return None
    received = finding.response.plain
    right, _ = _right(graph, deriv)
    leaf, reached = _leaves(graph), reachable(graph)
    if max(received["chain rule"]) > 1:
        return False
    return all(
        any(same_values(value, one) for one in possible[i])
        for i, value in enumerate(received["derivatives"])
        if leaf[i] and i in reached and value != right[i]
    )


def _without_leaves_derivatives(graph: Plain, deriv: float) -> tuple[list[float], list[int]]:
    derivatives, counts = _right(graph, deriv)
    return [0.0] * len(derivatives), counts


def _always_one(graph: Plain, deriv: float) -> tuple[list[float], list[int]]:
    return _right(graph, 1.0)


def sorted_wrongly(cause: str, fits: Callable[[Plain, list[int]], bool]) -> Mistake:
    """Return a mistake in the topological order, recognised by the order received."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.operation != "autodiff.sort" or finding.response is None:
            return None
        return fits(finding.request.options["graph"], finding.response.plain)

    return Mistake(("1.4",), cause, explains)


Order = Callable[[Plain], list[int]]
"""Returns the variables of a graph in the wrong order in which derivatives are passed on."""


def in_wrong_order(cause: str, order: Order) -> Mistake:
    """Return the effect of a wrong topological order on derivatives."""

    def explains(finding: Finding) -> bool | None:
        request, response = finding.request, finding.response
        if response is None:
            return None
        if request.operation == "autodiff.backward":
            graph, deriv = request.options["graph"], request.options["deriv"]
            found = _passed_on(graph, deriv, order(graph))
            leaf, reached = _leaves(graph), reachable(graph)
            received = response.plain["derivatives"]
            return all(
                same_values(received[i], found[i])
                for i in range(len(leaf))
                if leaf[i] and i in reached
            )
        if request.operation == "scalar.program" and request.options.get("backward"):
            options = request.options
            graph = graph_of(options["program"], options["inputs"])
            seed = sum(1.0 if d is None else d for d in options["backward"])
            found = _passed_on(graph, seed, order(graph))
            return same_values(response.arrays[1], np.array(found[: len(options["inputs"])]), 1e-6)
        return None

    def safely(finding: Finding) -> bool | None:
        try:
            return explains(finding)
        except (ZeroDivisionError, OverflowError, ValueError):
            return None

    return Mistake(("1.4",), cause, safely, predicts=True)


def graph_of(program: Program, inputs: list[float]) -> Plain:
    """Return the graph of a program: for each variable its parents with the derivatives."""
    numbers = list(inputs)
    edges: list[list[list[Plain]]] = [[] for _ in inputs]
    for name, *operands in program:
        arguments = [numbers[o] if isinstance(o, int) else o for o in operands]
        slopes = SLOPES[name](*arguments)
        edges.append([[o, d] for o, d in zip(operands, slopes, strict=True) if isinstance(o, int)])
        numbers.append(VALUES[name](*arguments))
    return {"edges": edges, "constants": []}


def _passed_on(graph: Plain, deriv: float, order: list[int]) -> list[float]:
    """Return the derivatives of leaves if each variable passes on what it has at its turn."""
    edges = graph["edges"]
    upstream, found = [0.0] * len(edges), [0.0] * len(edges)
    upstream[-1] = deriv
    leaf = _leaves(graph)
    for number in order:
        if leaf[number]:
            found[number] += upstream[number]
        for parent, slope in edges[number]:
            upstream[parent] += slope * upstream[number]
        upstream[number] = 0.0
    return found


def _first_seen(last: bool, graph: Plain) -> list[int]:
    """Return the variables as a search finds them, following the last or the first input first."""
    found: list[int] = []
    todo = [len(graph["edges"]) - 1]
    while todo:
        number = todo.pop()
        if number in found:
            continue
        found.append(number)
        parents = [p for p, _ in graph["edges"][number] if p not in graph["constants"]]
        todo += parents if last else parents[::-1]
    return found


def _layer_by_layer(graph: Plain) -> list[int]:
    """Return the variables in the order of a breadth-first search."""
    found = [len(graph["edges"]) - 1]
    for number in found:
        for parent, _ in graph["edges"][number]:
            if parent not in found and parent not in graph["constants"]:
                found.append(parent)
    return found


def _sorted_right(graph: Plain) -> list[int]:
    """Return a topological order; inputs have smaller numbers than their results."""
    return sorted(reachable(graph), reverse=True)


def _falls(graph: Plain, order: list[int]) -> bool:
    """Return whether every variable comes before the variables that it was computed from."""
    rank = {number: i for i, number in enumerate(order)}
    return len(rank) == len(order) and all(
        rank[number] < rank[parent]
        for number in order
        for parent, _ in graph["edges"][number]
        if parent in rank
    )


def _reversed(graph: Plain, order: list[int]) -> bool:
    return set(order) == reachable(graph) and _falls(graph, order[::-1])


def _repeated(graph: Plain, order: list[int]) -> bool:
    return len(set(order)) < len(order) and set(order) == reachable(graph)


def _with_constants(graph: Plain, order: list[int]) -> bool:
    more = set(order) - reachable(graph)
    return bool(more) and more <= set(graph["constants"]) and len(set(order)) == len(order)


def _without_leaves(graph: Plain, order: list[int]) -> bool:
    missing = reachable(graph) - set(order)
    return bool(missing) and all(not graph["edges"][number] for number in missing)


def _as_found(graph: Plain, order: list[int]) -> bool:
    """Return whether the variables are in the order in which a search discovers them."""
    return any(order == search(graph) for search in SEARCHES)


def added_over_calls(cause: str, wrong: Callable[[list[float]], float]) -> Mistake:
    """Return a mistake in the derivatives that several calls of `backward` leave."""

    def model(request: Request) -> Response | None:
        options = request.options
        seeds = options.get("backward", [])
        if len(seeds) < 2:
            return None
        right = np.array(derivatives_of(options["program"], options["inputs"]))
        return Response(request, (np.zeros(0), right * wrong(seeds)))

    return modelled(("1.4",), cause, r"scalar\.program", model, absolute=1e-6)


SEARCHES: tuple[Order, ...] = (
    partial(_first_seen, False),
    partial(_first_seen, True),
    _layer_by_layer,
)

PATHS = (
    "You follow each path separately, path by path. Go through the variables in topological order."
)

VISITED = "Variables that were visited already are visited again."

NO_ROOT = "The order lacks its root, the variable at which the search begins."

AS_FOUND = (
    "Variables are in the order in which the search finds them. Append each one after "
    "all its inputs, and reverse the list at the end."
)

REVERSED = "The order is reversed: inputs come before their results."


def _without_derivatives(request: Request) -> Response | None:
    """Return the derivatives that remain if every result passes its derivative on too late."""
    options = request.options
    if not options["program"] or not options.get("backward"):
        return None
    return Response(request, (np.zeros(0), np.zeros(len(options["inputs"]))))


NO_LEAF = "No leaf gets its derivative: `accumulate_derivative` is never called."
IGNORED = "You ignore the derivative that `backpropagate` receives."


def _with_derivative_one(request: Request) -> Response | None:
    """Return the derivatives if every call of `backward` begins with 1."""
    options = request.options
    if not options["program"] or not options.get("backward"):
        return None
    derivatives = derivatives_of(options["program"], options["inputs"])
    return Response(request, (np.zeros(0), np.array(derivatives) * len(options["backward"])))


MISTAKES = [
    backpropagation(PATHS, _path_by_path),
    raising(("1.4",), PATHS, r"autodiff\..*", "ResultError", message="is each path followed"),
    Mistake(
        ("1.4",),
        "A derivative that arrives on a second path is overwritten. Add it to the first one.",
        keeps_one_contribution,
    ),
    backpropagation(NO_LEAF, _without_leaves_derivatives),
    modelled(("1.4",), NO_LEAF, r"scalar\.program", _without_derivatives),
    backpropagation(IGNORED, _always_one),
    modelled(("1.4",), IGNORED, r"scalar\.program", _with_derivative_one),
    added_over_calls(
        "The derivative of a leaf is overwritten by the next call. Add to it.",
        lambda seeds: seeds[-1],
    ),
    sorted_wrongly(REVERSED, _reversed),
    modelled(("1.4",), REVERSED, r"scalar\.program", _without_derivatives),
    sorted_wrongly(VISITED, _repeated),
    raising(("1.4",), VISITED, r"autodiff\..*", "ResultError", message="is each path followed"),
    sorted_wrongly("The order contains constants. Leave them out.", _with_constants),
    sorted_wrongly("The order lacks the leaves.", _without_leaves),
    sorted_wrongly(
        NO_ROOT, lambda graph, order: set(order) == reachable(graph) - {len(graph["edges"]) - 1}
    ),
    sorted_wrongly(AS_FOUND, _as_found),
    *(
        in_wrong_order(cause, order)
        for cause, order in (
            (NO_ROOT, lambda graph: _sorted_right(graph)[1:] or _sorted_right(graph)),
            (NO_ROOT, lambda graph: _sorted_right(graph)[1:]),
            *((AS_FOUND, search) for search in SEARCHES),
            (REVERSED, lambda graph: _sorted_right(graph)[::-1]),
            (
                "The order lacks the leaves.",
                lambda graph: [i for i in _sorted_right(graph) if graph["edges"][i]],
            ),
        )
    ),
]
