"""The graph of a result, and the steps of backpropagation.

The library's backpropagation runs on variables that record its calls.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mt_autodiff import Scalar, backpropagate
from mt_autodiff.graph import Variable


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph.

    Attributes:
        label: The function, the name of the variable, or the constant.
        value: The value.
        inputs: The positions of the function's inputs, in the order of the arguments.
        leaf: True for a variable, which accumulates a derivative.
        constant: True for a node without a derivative.
    """

    label: str
    value: float
    inputs: tuple[int, ...]
    leaf: bool
    constant: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """One step of backpropagation: a node with a complete derivative passes it on.

    Attributes:
        node: The position of the node.
        derivative: The derivative of the result with respect to it.
        handed: The contributions to the inputs: positions and derivatives. Empty for a leaf.
    """

    node: int
    derivative: float
    handed: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph of a result, and the steps of its differentiation.

    Attributes:
        nodes: The nodes in topological order: inputs first, the result last.
        visits: The steps of backpropagation, in its order.
    """

    nodes: tuple[Node, ...]
    visits: tuple[Visit, ...]

    def pending(self, steps: int) -> dict[int, float]:
        """Return the derivatives that nodes have received after some steps, by position."""
        result = {len(self.nodes) - 1: 1.0}
        for visit in self.visits[:steps]:
            for position, contribution in visit.handed:
                result[position] = result.get(position, 0.0) + contribution
        return result

    def derivatives(self) -> dict[str, float]:
        """Return the derivative of the result with respect to each variable."""
        return {
            self.nodes[visit.node].label: visit.derivative
            for visit in self.visits
            if self.nodes[visit.node].leaf
        }


def graph_of(result: Scalar) -> Graph:
    """Differentiate a result, and return the graph with all steps.

    Variables are identified by name. Their attribute `derivative` is not changed.
    """
    order = _computed_first(result)
    position = {scalar.unique_id: at for at, scalar in enumerate(order)}
    visits: list[Visit] = []
    if not result.is_constant():
        backpropagate(_Watched(result, position, visits), 1.0)
    nodes = tuple(_node(scalar, position) for scalar in order)
    return Graph(nodes, tuple(visits))


@dataclass(frozen=True, slots=True)
class _Watched:
    """A variable that records the calls of backpropagation."""

    scalar: Scalar
    position: dict[int, int]
    visits: list[Visit] = field(repr=False)

    @property
    def unique_id(self) -> int:
        return self.scalar.unique_id

    @property
    def parents(self) -> Iterable[Variable]:
        return [_Watched(parent, self.position, self.visits) for parent in self.scalar.parents]

    def is_leaf(self) -> bool:
        return self.scalar.is_leaf()

    def is_constant(self) -> bool:
        return self.scalar.is_constant()

    def accumulate_derivative(self, x: float) -> None:
        self.visits.append(Visit(self.position[self.unique_id], x, ()))

    def chain_rule(self, d_output: float) -> Iterable[tuple[Variable, Any]]:
        pairs: Sequence[tuple[Any, float]] = list(self.scalar.chain_rule(d_output))
        handed = tuple((self.position[x.unique_id], d) for x, d in pairs if not x.is_constant())
        self.visits.append(Visit(self.position[self.unique_id], d_output, handed))
        return [(_Watched(x, self.position, self.visits), d) for x, d in pairs]


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


def _node(scalar: Scalar, position: dict[int, int]) -> Node:
    history = scalar.history
    made_by = None if history is None else history.last_fn
    if made_by is not None:
        label = made_by.__name__
    else:
        label = scalar.name if scalar.is_leaf() else "constant"
    return Node(
        label,
        scalar.data,
        tuple(position[parent.unique_id] for parent in scalar.parents),
        scalar.is_leaf(),
        scalar.is_constant(),
    )
