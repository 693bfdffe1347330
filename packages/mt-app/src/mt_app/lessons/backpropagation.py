"""The graph of a result, and the steps in which backpropagation goes through it.

Backpropagation itself is the library's. It asks its variables for everything, so variables that
note what they are asked for show every step of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mt_autodiff import Scalar, backpropagate
from mt_autodiff.graph import Variable


@dataclass(frozen=True, slots=True)
class Node:
    """A number of the graph.

    Attributes:
        label: What made it: a function, or the name of a variable, or a constant.
        value: The number.
        inputs: The places of what it was computed from, in the order of the arguments.
        leaf: Whether it is a variable, which collects a derivative.
        constant: Whether no derivative flows here.
    """

    label: str
    value: float
    inputs: tuple[int, ...]
    leaf: bool
    constant: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """One step of backpropagation: a node whose derivative is complete hands it on.

    Attributes:
        node: The place of the node.
        derivative: The derivative of the result with respect to it.
        handed: What each input receives: its place and the contribution. None of a leaf.
    """

    node: int
    derivative: float
    handed: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """How a result was computed, and how it is differentiated.

    Attributes:
        nodes: Each number once; inputs before what is computed from them, the result last.
        visits: The steps of backpropagation, in its order.
    """

    nodes: tuple[Node, ...]
    visits: tuple[Visit, ...]

    def pending(self, steps: int) -> dict[int, float]:
        """Return what the nodes have received after so many steps, by their places."""
        result = {len(self.nodes) - 1: 1.0}
        for visit in self.visits[:steps]:
            for place, contribution in visit.handed:
                result[place] = result.get(place, 0.0) + contribution
        return result

    def derivatives(self) -> dict[str, float]:
        """Return the derivative of the result with respect to each variable."""
        return {
            self.nodes[visit.node].label: visit.derivative
            for visit in self.visits
            if self.nodes[visit.node].leaf
        }


def graph_of(result: Scalar) -> Graph:
    """Differentiate a result and return how that went.

    Variables are told apart by their names. Their `derivative` stays as it was.
    """
    order = _computed_first(result)
    place = {scalar.unique_id: at for at, scalar in enumerate(order)}
    visits: list[Visit] = []
    if not result.is_constant():
        backpropagate(_Watched(result, place, visits), 1.0)
    nodes = tuple(_node(scalar, place) for scalar in order)
    return Graph(nodes, tuple(visits))


@dataclass(frozen=True, slots=True)
class _Watched:
    """A variable that notes what backpropagation asks of it."""

    scalar: Scalar
    place: dict[int, int]
    visits: list[Visit] = field(repr=False)

    @property
    def unique_id(self) -> int:
        return self.scalar.unique_id

    @property
    def parents(self) -> Iterable[Variable]:
        return [_Watched(parent, self.place, self.visits) for parent in self.scalar.parents]

    def is_leaf(self) -> bool:
        return self.scalar.is_leaf()

    def is_constant(self) -> bool:
        return self.scalar.is_constant()

    def accumulate_derivative(self, x: float) -> None:
        self.visits.append(Visit(self.place[self.unique_id], x, ()))

    def chain_rule(self, d_output: float) -> Iterable[tuple[Variable, Any]]:
        pairs: Sequence[tuple[Any, float]] = list(self.scalar.chain_rule(d_output))
        handed = tuple((self.place[x.unique_id], d) for x, d in pairs if not x.is_constant())
        self.visits.append(Visit(self.place[self.unique_id], d_output, handed))
        return [(_Watched(x, self.place, self.visits), d) for x, d in pairs]


def _computed_first(result: Scalar) -> list[Scalar]:
    """Return all scalars of a graph, constants included, inputs before results."""
    finished: dict[int, Scalar] = {}
    path = [(result, iter(result.parents))]
    while path:
        current, unexplored = path[-1]
        parent = next((p for p in unexplored if p.unique_id not in finished), None)
        if parent is None:
            finished[current.unique_id] = current
            path.pop()
        else:
            path.append((parent, iter(parent.parents)))
    return list(finished.values())


def _node(scalar: Scalar, place: dict[int, int]) -> Node:
    history = scalar.history
    made_by = None if history is None else history.last_fn
    if made_by is not None:
        label = made_by.__name__
    else:
        label = scalar.name if scalar.is_leaf() else "constant"
    return Node(
        label,
        scalar.data,
        tuple(place[parent.unique_id] for parent in scalar.parents),
        scalar.is_leaf(),
        scalar.is_constant(),
    )
