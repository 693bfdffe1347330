"""Topological order and backpropagation, for variables that the tests define."""

import gc
import weakref
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff.graph import Context, Variable, backpropagate, topological_sort


class Node:
    """A variable that a user defines: a weighted sum of its parents.

    A node without parents is a leaf, or a constant if it is made one.
    """

    def __init__(self, *edges: tuple["Node", Any], constant: bool = False) -> None:
        self.edges = edges
        self.constant = constant
        self.derivative: Any = None
        self.visits = 0

    @property
    def unique_id(self) -> int:
        return id(self)

    @property
    def parents(self) -> Iterable[Variable]:
        assert not self.constant, "a constant has no parents to ask for"
        return (node for node, _ in self.edges)

    def is_leaf(self) -> bool:
        return not self.edges and not self.constant

    def is_constant(self) -> bool:
        return self.constant

    def accumulate_derivative(self, x: Any) -> None:
        assert self.is_leaf()
        self.derivative = x if self.derivative is None else self.derivative + x

    def chain_rule(self, d_output: Any) -> Iterable[tuple[Variable, Any]]:
        self.visits += 1
        return ((node, weight * d_output) for node, weight in self.edges)


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Draw nodes that each depend on earlier ones, with repetitions; the last is the root."""
    nodes: list[Node] = []
    for _ in range(draw(st.integers(1, 12))):
        count = draw(st.integers(0, 4)) if nodes else 0
        edges = [
            (draw(st.sampled_from(nodes)), Fraction(draw(st.integers(-3, 3)))) for _ in range(count)
        ]
        constant = not edges and draw(st.booleans())
        nodes.append(Node(*edges, constant=constant))
    return nodes


def sum_over_paths(root: Node, leaf: Node) -> Fraction:
    """Return the derivative by its definition, a sum over all paths."""
    if root is leaf:
        return Fraction(1)
    return sum((w * sum_over_paths(node, leaf) for node, w in root.edges), Fraction(0))


@given(graphs())
def test_sort_puts_results_before_inputs(nodes: list[Node]) -> None:
    root = nodes[-1]
    order = topological_sort(root)
    position = {id(node): place for place, node in enumerate(order)}
    assert len(position) == len(order)
    for node in order:
        assert isinstance(node, Node)
        for parent, _ in node.edges:
            assert parent.constant or position[id(node)] < position[id(parent)]
    assert not any(node.is_constant() for node in order)
    assert order[:1] == ([] if root.constant else [root])


@given(graphs())
def test_derivatives_are_sums_over_paths(nodes: list[Node]) -> None:
    root = nodes[-1]
    if root.constant:
        return
    backpropagate(root, Fraction(1))
    reached = topological_sort(root)
    for node in nodes:
        if node.is_leaf() and node in reached:
            assert node.derivative == sum_over_paths(root, node)
        else:
            assert node.derivative is None
        assert node.visits == (1 if node in reached and node.edges else 0)


def test_sort_of_a_diamond() -> None:
    leaf = Node()
    left, right = Node((leaf, 1)), Node((leaf, 1))
    root = Node((left, 1), (right, 1))
    order = topological_sort(root)
    assert order[0] is root
    assert order[-1] is leaf
    assert {id(node) for node in order[1:3]} == {id(left), id(right)}


def test_a_graph_with_two_to_the_thirty_paths() -> None:
    leaf = Node()
    node = leaf
    for _ in range(30):
        node = Node((node, 1), (node, 1))
    assert len(topological_sort(node)) == 31
    backpropagate(node, 1)
    assert leaf.derivative == 2**30


@pytest.mark.parametrize("depth", [100_000])
def test_depth(depth: int) -> None:
    leaf = Node()
    node = leaf
    for _ in range(depth):
        node = Node((node, 1))
    assert len(topological_sort(node)) == depth + 1
    backpropagate(node, 1)
    assert leaf.derivative == 1


def test_breadth() -> None:
    leaf = Node()
    backpropagate(Node(*[(leaf, 1)] * 100_000), 1)
    assert leaf.derivative == 100_000


def test_a_leaf_is_its_own_graph() -> None:
    leaf = Node()
    assert topological_sort(leaf) == [leaf]
    backpropagate(leaf, 5)
    backpropagate(leaf, 2)
    assert leaf.derivative == 7


def test_a_constant_has_no_graph() -> None:
    constant = Node(constant=True)
    assert topological_sort(constant) == []
    with pytest.raises(RuntimeError, match=r"is a constant.*requires a gradient.*no_grad"):
        backpropagate(constant, 1)


def test_constants_receive_no_derivative() -> None:
    leaf, constant = Node(), Node(constant=True)
    backpropagate(Node((constant, 2), (leaf, 3)), 1)
    assert (leaf.derivative, constant.derivative) == (3, None)


def test_contributions_are_not_changed_in_place() -> None:
    class Shared(list[int]):
        """A derivative whose += changes the object in place."""

        def __add__(self, other: Any) -> "Shared":  # type: ignore[override]
            return Shared(a + b for a, b in zip(self, other, strict=True))

        def __rmul__(self, weight: Any) -> "Shared":
            return self

    seed = Shared([1])
    leaf, other = Node(), Node()
    both = Node((leaf, 1), (leaf, 1), (other, 1))
    backpropagate(both, seed)
    assert (leaf.derivative, other.derivative, seed) == ([2], [1], [1])


def test_a_derivative_of_none_is_no_contribution() -> None:
    class Step(Node):
        def chain_rule(self, d_output: Any) -> Iterable[tuple[Variable, Any]]:
            return [(node, None) for node, _ in self.edges]

    flat, leaf = Node(), Node()
    steps = Step((Node((flat, 1)), 1), (leaf, 1))
    backpropagate(Node((steps, 1), (leaf, 2), (steps, 1)), 1)
    assert (flat.derivative, leaf.derivative) == (None, 2)
    backpropagate(Node((Node((leaf, 2)), 1), (Step((leaf, 1)), 1)), 1)
    backpropagate(Node((Step((leaf, 1)), 1), (Node((leaf, 2)), 1)), 1)
    assert leaf.derivative == 6


def test_derivatives_are_freed_once_passed_on() -> None:
    class Derivative:
        live = 0
        most = 0

        def __init__(self) -> None:
            cls = type(self)
            cls.live += 1
            cls.most = max(cls.most, cls.live)
            weakref.finalize(self, self.freed)

        @classmethod
        def freed(cls) -> None:
            cls.live -= 1

    class Passing(Node):
        def chain_rule(self, d_output: Any) -> Iterable[tuple[Variable, Any]]:
            return [(node, Derivative()) for node, _ in self.edges]

    leaf = Node()
    node = leaf
    for _ in range(100):
        node = Passing((node, 1), (Node(constant=True), 1))
    backpropagate(node, Derivative())
    gc.collect()
    assert Derivative.most <= 5  # Independent of the depth of the graph.
    assert Derivative.live == 1  # The derivative of the leaf.


def test_context_saves_values() -> None:
    ctx = Context()
    assert ctx.saved_values == ()
    ctx.save_for_backward(1.0, "two")
    assert ctx.saved_values == ctx.saved_tensors == (1.0, "two")
    ctx.save_for_backward(3.0)
    assert ctx.saved_values == (3.0,)


def test_context_saves_nothing_without_gradients() -> None:
    ctx = Context(no_grad=True)
    ctx.save_for_backward(1.0)
    assert ctx.saved_values == ()


def test_context_rejects_other_attributes() -> None:
    with pytest.raises(AttributeError):
        Context().saved = 1  # type: ignore[attr-defined]
