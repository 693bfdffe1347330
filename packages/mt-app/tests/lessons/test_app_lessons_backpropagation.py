"""The steps of backpropagation, and the layout of graphs."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_app.lessons.backpropagation import Graph, graph_of
from mt_app.lessons.layered import lay_out
from mt_autodiff import Scalar


def diamond() -> tuple[Graph, Scalar, Scalar]:
    x, y = Scalar(2.0, name="x"), Scalar(3.0, name="y")
    product = x * y
    return graph_of(product + product.exp()), x, y


def test_a_node_that_is_used_twice_is_one_node_and_is_visited_once() -> None:
    graph, _, _ = diamond()
    labels = [node.label for node in graph.nodes]
    assert sorted(labels) == ["Add", "Exp", "Mul", "x", "y"]
    assert labels[-1] == "Add"
    visited = [graph.nodes[visit.node].label for visit in graph.visits]
    assert visited[:3] == ["Add", "Exp", "Mul"]
    assert sorted(visited[3:]) == ["x", "y"]


def test_a_node_passes_on_the_accumulated_derivative() -> None:
    graph, _, _ = diamond()
    for step, visit in enumerate(graph.visits):
        assert graph.pending(step)[visit.node] == pytest.approx(visit.derivative)


def test_derivatives_equal_backward_and_scalars_do_not_change() -> None:
    graph, x, y = diamond()
    assert x.derivative is None and y.derivative is None
    again = x * y
    (again + again.exp()).backward()
    assert graph.derivatives() == {"x": x.derivative, "y": y.derivative}


def test_constants_are_shown_and_receive_nothing() -> None:
    x = Scalar(2.0, name="x")
    graph = graph_of(3.0 * x)
    constant = next(i for i, node in enumerate(graph.nodes) if node.constant)
    assert graph.nodes[constant].label == "constant"
    assert constant not in graph.pending(len(graph.visits))


def test_a_constant_result_has_no_steps() -> None:
    assert graph_of(Scalar(1.0, back=None)).visits == ()


def test_a_single_variable_is_the_result() -> None:
    assert graph_of(Scalar(1.5, name="x")).derivatives() == {"x": 1.0}


def test_a_deep_graph_does_not_overflow_the_stack() -> None:
    x = Scalar(1.0, name="x")
    y = x
    for _ in range(3000):
        y = y + 0.0
    assert graph_of(y).derivatives() == {"x": 1.0}


graphs = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        *(
            st.lists(st.integers(0, max(i - 1, 0)), max_size=2 if i else 0).map(tuple)
            for i in range(n)
        )
    )
)


@given(graphs)
def test_nodes_do_not_overlap_and_edges_go_down(inputs: tuple[tuple[int, ...], ...]) -> None:
    picture = lay_out(inputs)
    assert len(picture.nodes) == len(inputs)
    for (x1, y1), (x2, y2) in itertools.combinations(picture.nodes, 2):
        assert y1 != y2 or abs(x1 - x2) >= 1.0
    expected = {(start, end) for end, needed in enumerate(inputs) for start in needed}
    assert set(picture.edges) == expected
    for (start, end), points in picture.edges.items():
        assert points[0] == picture.nodes[start] and points[-1] == picture.nodes[end]
        downs = [down for _, down in points]
        assert all(b - a == 1.0 for a, b in itertools.pairwise(downs))


def test_avoidable_crossings_are_removed() -> None:
    # 0 and 1 feed 3 and 2: drawn in the order of their numbers, the edges would cross.
    picture = lay_out([(), (), (1,), (0,), (2, 3)])
    (left0, _), (left1, _), (left2, _), (left3, _), _ = picture.nodes
    assert (left0 < left1) == (left3 < left2)
