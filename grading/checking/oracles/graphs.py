"""Backpropagation through a graph as a sum over all paths."""

from grading.protocol.messages import Plain


def paths_to(graph: Plain, deriv: float) -> list[float]:
    """Return the sum over all paths from the last variable to each variable.

    The term of a path is the product of the local derivatives along it, times `deriv`.
    """
    totals = [0.0] * len(graph["edges"])
    totals[-1] = deriv
    # Every edge leads to an earlier variable, so later ones are complete.
    for number in reversed(range(len(totals))):
        for parent, weight in graph["edges"][number]:
            totals[parent] += weight * totals[number]
    return totals


def reachable(graph: Plain) -> set[int]:
    """Return the variables that the last one depends on, without constants."""
    found = {len(graph["edges"]) - 1}
    for number in reversed(range(len(graph["edges"]))):
        if number in found:
            parents = {parent for parent, _ in graph["edges"][number]}
            found |= parents - set(graph["constants"])
    return found
