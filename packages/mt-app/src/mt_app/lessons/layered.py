"""Layered layout of a graph: inputs at the top, the result at the bottom.

A small version of the method of Sugiyama, Tagawa and Toda, "Methods for visual understanding of
hierarchical system structures" (IEEE Transactions on Systems, Man, and Cybernetics 11, 1981):
layers, bends where an edge passes a layer, and an order within each layer by the mean position of
the neighbours, which avoids crossings.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

SWEEPS = 6
"""The number of passes that improve the order within layers; fewer leave more crossings."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Positions of nodes and edges, in units of a layer's height and a node's width.

    Attributes:
        nodes: The middle of each node, (across, down).
        edges: The points of each edge, by the pair of its ends.
    """

    nodes: tuple[tuple[float, float], ...]
    edges: dict[tuple[int, int], tuple[tuple[float, float], ...]]


def lay_out(inputs: Sequence[Sequence[int]]) -> Picture:
    """Lay out a graph.

    Args:
        inputs: The inputs of each node, all of them earlier nodes.

    >>> lay_out([(), (), (0, 1)]).nodes
    ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0))
    """
    layers = _layers(inputs)
    rows, chains = _with_bends(inputs, layers)
    neighbours = _neighbours(chains)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for row in rows[1:] if downwards else reversed(rows[:-1]):
            _reorder(row, rows, neighbours, layers, upwards=downwards)
    across = _across(rows)
    points = [(across[at], float(layers[at])) for at in range(len(layers))]
    edges = {(chain[0], chain[-1]): tuple(points[at] for at in chain) for chain in chains}
    return Picture(tuple(points[: len(inputs)]), edges)


def _layers(inputs: Sequence[Sequence[int]]) -> list[int]:
    """Return the layer of each node: below its inputs, and as near as possible to its uses."""
    layers: list[int] = []
    for needed in inputs:
        layers.append(1 + max((layers[at] for at in needed), default=-1))
    for at in range(len(inputs)):
        needing = [layers[i] for i, needed in enumerate(inputs) if at in needed]
        if not inputs[at] and needing:
            layers[at] = min(needing) - 1
    return layers


def _with_bends(
    inputs: Sequence[Sequence[int]], layers: list[int]
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the nodes of each layer, and each edge as a chain with bends in the layers between.

    The numbers of bends follow those of the nodes; `layers` is extended by them.
    """
    rows: list[list[int]] = [[] for _ in range(max(layers, default=0) + 1)]
    for at, layer in enumerate(layers):
        rows[layer].append(at)
    chains = []
    for end, needed in enumerate(inputs):
        for start in dict.fromkeys(needed):
            bends = []
            for layer in range(layers[start] + 1, layers[end]):
                bends.append(len(layers))
                layers.append(layer)
                rows[layer].append(bends[-1])
            chains.append([start, *bends, end])
    return rows, chains


def _neighbours(chains: list[list[int]]) -> dict[int, list[int]]:
    result: dict[int, list[int]] = {}
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            result.setdefault(a, []).append(b)
            result.setdefault(b, []).append(a)
    return result


def _reorder(
    row: list[int],
    rows: list[list[int]],
    neighbours: dict[int, list[int]],
    layers: list[int],
    *,
    upwards: bool,
) -> None:
    """Sort a layer by the mean position of each member's neighbours above, or below."""
    other = layers[row[0]] + (-1 if upwards else 1)
    order = {at: i / max(len(rows[other]) - 1, 1) for i, at in enumerate(rows[other])}
    here = {at: i / max(len(row) - 1, 1) for i, at in enumerate(row)}

    def mean(at: int) -> float:
        found = [order[n] for n in neighbours.get(at, ()) if n in order]
        return sum(found) / len(found) if found else here[at]

    row.sort(key=mean)


def _across(rows: list[list[int]]) -> dict[int, float]:
    """Return the horizontal position of each member of a layer; every layer is centred."""
    widest = max(map(len, rows))
    return {at: (widest - len(row)) / 2 + i for row in rows for i, at in enumerate(row)}
