"""The oracles agree with one another: gradients with central differences of values."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grading.checking.oracles import nn
from grading.checking.oracles.convolution import conv, conv_gradients
from grading.checking.oracles.graphs import paths_to
from grading.checking.oracles.programs import Program, derivatives_of, values_of
from grading.checking.oracles.tensors import (
    elementwise,
    elementwise_gradients,
    matmul_gradients,
    numerical_gradients,
)
from grading.checking.products import Case, convolutions, matrices
from grading.checking.strategies import arrays, distinct, graphs, programs
from grading.protocol.messages import Array


@given(case=convolutions(dims=1) | convolutions(dims=2, max_image=3))
def test_gradients_of_convolutions(case: Case) -> None:
    x, weight, upstream = case
    expected = numerical_gradients(conv, upstream, x, weight)
    for received, correct in zip(conv_gradients(x, weight, upstream), expected, strict=True):
        np.testing.assert_allclose(received, correct, atol=1e-6)


def test_a_convolution_by_hand() -> None:
    x, weight = np.array([[[1.0, 2.0, 3.0]]]), np.array([[[10.0, 1.0]]])
    np.testing.assert_array_equal(conv(x, weight), [[[12.0, 23.0, 30.0]]])
    np.testing.assert_array_equal(conv(x, weight, reverse=True), [[[10.0, 21.0, 32.0]]])


@given(case=matrices())
def test_gradients_of_products(case: Case) -> None:
    a, b, upstream = case
    expected = numerical_gradients(np.matmul, upstream, a, b)
    for received, correct in zip(matmul_gradients(a, b, upstream), expected, strict=True):
        np.testing.assert_allclose(received, correct, atol=1e-6)


@given(a=arrays((2, 1)), b=arrays((3,)), upstream=arrays((2, 3)))
def test_gradients_that_broadcast(a: Array, b: Array, upstream: Array) -> None:
    expected = numerical_gradients(lambda x, y: elementwise("mul", x, y), upstream, a, b)
    received = elementwise_gradients("mul", upstream, a, b)
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@given(case=programs())
def test_derivatives_of_programs(case: tuple[Program, list[float]]) -> None:
    program, inputs = case
    # Differences do not show the derivative of `eq` at equal operands, where it jumps.
    results = values_of(program, inputs)
    assume(
        not any(step[0] == "eq" and result for step, result in zip(program, results, strict=True))
    )

    def last(*xs: Array) -> Array:
        return np.array(values_of(program, [float(x) for x in xs])[-1])

    expected = numerical_gradients(last, np.array(1.0), *map(np.array, inputs))
    received = derivatives_of(program, inputs)
    np.testing.assert_allclose(received, np.array(expected), rtol=1e-3, atol=1e-3)


def test_the_derivative_of_eq_is_0_at_equal_numbers() -> None:
    assert values_of([["eq", 0, 1.0], ["exp", 1]], [1.0])[0] == 1.0
    assert derivatives_of([["eq", 0, 1.0], ["exp", 1]], [1.0]) == [0.0]


@given(graph=graphs())
def test_sums_over_paths(graph: dict[str, list[list[tuple[int, float]]]]) -> None:
    edges = graph["edges"]

    def down(number: int, value: float, totals: list[float]) -> list[float]:
        totals[number] += value
        for parent, weight in edges[number]:
            down(parent, value * weight, totals)
        return totals

    expected = down(len(edges) - 1, 2.0, [0.0] * len(edges))
    np.testing.assert_allclose(paths_to(graph, 2.0), expected)


Along = Callable[[Array, int], Array]
AlongGradient = Callable[[Array, int, Array], Array]


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        (nn.softmax, nn.softmax_gradient),
        (nn.logsoftmax, nn.logsoftmax_gradient),
        (lambda x, dim: x.max(axis=dim, keepdims=True), nn.max_gradient),
    ],
    ids=["softmax", "logsoftmax", "max"],
)
@given(x=distinct((2, 3)), dim=st.integers(0, 1), data=st.data())
def test_gradients_along_a_dim(
    f: Along, gradient: AlongGradient, x: Array, dim: int, data: st.DataObject
) -> None:
    upstream = data.draw(arrays(f(x, dim).shape))
    (expected,) = numerical_gradients(lambda y: f(y, dim), upstream, x)
    np.testing.assert_allclose(gradient(x, dim, upstream), expected, atol=1e-6)


def test_windows_are_reassembled() -> None:
    x = np.arange(48.0).reshape(1, 2, 4, 6)
    tiles = nn.windows(x, (2, 3))
    np.testing.assert_array_equal(tiles[0, 1, 1, 0], [36, 37, 38, 42, 43, 44])
    np.testing.assert_array_equal(nn.images(tiles, (2, 3)), x)


def test_rules_at_ties() -> None:
    x, upstream = np.array([[3.0, 3.0, 1.0]]), np.array([[4.0]])
    for usual in ([4, 0, 0], [0, 4, 0], [2, 2, 0], [4, 4, 0]):
        assert nn.is_max_gradient(x, 1, upstream, np.array([usual], float))
    for wrong in ([0, 0, 4], [0, 0, 0], [4, 2, 0], [1, 3, 0], [4, 4, 4]):
        assert not nn.is_max_gradient(x, 1, upstream, np.array([wrong], float))
