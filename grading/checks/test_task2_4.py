"""Task 2.4: gradients."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect_any_gradients, expect_array, expect_gradients
from grading.checking.elementwise import (
    BINARY,
    UNARY,
    check_elementwise_gradients,
    one_tensor,
    reductions,
    two_tensors,
)
from grading.checking.oracles.programs import EPS
from grading.checking.oracles.tensors import numerical_gradients
from grading.checking.strategies import arrays, shapes
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task2_4


@pytest.mark.parametrize("name", UNARY)
@given(data=st.data())
def test_functions_of_one_tensor(subject: Subject, name: str, data: st.DataObject) -> None:
    x, upstream = data.draw(one_tensor(name))
    check_elementwise_gradients(subject, name, [x], upstream, {})


@pytest.mark.parametrize("name", BINARY)
@given(data=st.data())
def test_functions_of_two_tensors_that_broadcast(
    subject: Subject, name: str, data: st.DataObject
) -> None:
    a, b, upstream = data.draw(two_tensors(name))
    if name in ("lt", "gt", "eq"):
        # Comparisons are piecewise constant; their gradient is 0 everywhere by convention.
        response = subject.call(f"tensor.{name}", [a, b], upstream=upstream)
        expect_gradients(response, [np.zeros(a.shape), np.zeros(b.shape)])
    else:
        check_elementwise_gradients(subject, name, [a, b], upstream, {})
    if name == "div":
        # The reciprocal may be a function of its own.
        upstream = data.draw(arrays(b.shape))
        response = subject.call("tensor.inv", [b], upstream=upstream)
        expect_gradients(response, [-upstream / b**2])


@given(case=reductions())
def test_sum_over_a_dimension(subject: Subject, case: tuple[Array, int, Array]) -> None:
    x, dim, upstream = case
    response = subject.call("tensor.sum", [x], {"dim": dim}, upstream)
    expect_gradients(response, [np.broadcast_to(upstream, x.shape)])


@given(case=reductions())
def test_mean_over_a_dimension(subject: Subject, case: tuple[Array, int, Array]) -> None:
    x, dim, upstream = case
    response = subject.call("tensor.mean", [x], {"dim": dim}, upstream)
    expect_gradients(response, [np.broadcast_to(upstream / x.shape[dim], x.shape)])


@given(x=shapes().flatmap(arrays), upstream=arrays((1,)))
def test_sum_of_everything(subject: Subject, x: Array, upstream: Array) -> None:
    response = subject.call("tensor.sum", [x], upstream=upstream)
    expect_gradients(response, [np.full(x.shape, upstream[0])])


@given(x=shapes().flatmap(arrays), data=st.data())
def test_permute(subject: Subject, x: Array, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(x.ndim)))
    upstream = data.draw(arrays(x.transpose(order).shape))
    response = subject.call("tensor.permute", [x], {"order": list(order)}, upstream)
    expect_gradients(response, [upstream.transpose(np.argsort(order))])


@given(shape=shapes(), data=st.data())
def test_view(subject: Subject, shape: tuple[int, ...], data: st.DataObject) -> None:
    x = data.draw(arrays(shape, permuted=False))
    upstream = data.draw(arrays((x.size, 1), permuted=False))
    response = subject.call("tensor.view", [x], {"shape": [x.size, 1]}, upstream)
    expect_gradients(response, [upstream.reshape(shape)])


@given(a=arrays((2, 3)), b=arrays((1, 3)), upstream=arrays((2, 3)))
def test_a_tensor_that_is_used_several_times(
    subject: Subject, a: Array, b: Array, upstream: Array
) -> None:
    response = subject.call("tensor.reuse", [a, b], upstream=upstream)
    db = (upstream * a).sum(axis=0, keepdims=True) + upstream.sum()
    expect_array(response, a * b + a * a + b.sum())
    expect_gradients(response, [upstream * (b + 2 * a), db])


@given(a=arrays((2, 2)), b=arrays((2, 2)), upstream=arrays((2, 2)))
def test_accumulation_over_calls(subject: Subject, a: Array, b: Array, upstream: Array) -> None:
    response = subject.call("tensor.twice", [a, b], upstream=upstream)
    expect_gradients(response, [(1 + upstream) * b, (1 + upstream) * a])


@given(a=arrays((2, 3)), b=arrays((3,)), upstream=arrays((2, 3)))
def test_constants_without_gradient(subject: Subject, a: Array, b: Array, upstream: Array) -> None:
    response = subject.call("tensor.mul", [a, b], {"constants": [1]}, upstream)
    expect_gradients(response, [upstream * b, None])
    assert response.gradients[1] is None, "a constant received a gradient"


@given(x=arrays((3, 2)), upstream=arrays((2, 3), permuted=False))
def test_view_of_a_transposed_tensor(subject: Subject, x: Array, upstream: Array) -> None:
    response = subject.call("tensor.transposed_view", [x], {"shape": [2, 3]}, upstream)
    expect_array(response, x.T.reshape(2, 3))
    expect_gradients(response, [upstream.reshape(2, 3).T])


@given(
    x=arrays((3, 2), permuted=False),
    w=arrays((2, 2)),
    b=arrays((2,)),
    upstream=arrays((3, 1, 2), permuted=False),
)
def test_a_small_network(subject: Subject, x: Array, w: Array, b: Array, upstream: Array) -> None:
    def network(x: Array, w: Array, b: Array, eps: float) -> Array:
        z = (x[:, :, None] * w).sum(axis=1, keepdims=True) + b
        return np.asarray(np.log(1 / (1 + np.exp(-z)) + eps))

    response = subject.call("tensor.network", [x, w, b], upstream=upstream)
    forms = [
        numerical_gradients(functools.partial(network, eps=eps), upstream, x, w, b)
        for eps in (EPS, 0.0)
    ]
    expect_any_gradients(response, forms, relative=1e-3, absolute=1e-4)
