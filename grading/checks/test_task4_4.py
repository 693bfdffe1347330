"""Task 4.4: maximum, softmax, max pooling and dropout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import (
    expect,
    expect_any_array,
    expect_any_gradients,
    expect_array,
    expect_gradients,
)
from grading.checking.oracles import nn
from grading.checking.oracles.programs import EPS
from grading.checking.products import PoolingCase, images
from grading.checking.strategies import arrays, distinct, shapes
from grading.mutation import check_tests_detect_mutants, check_tests_pass
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task4_4

backends = st.sampled_from(["simple", "fast"])


@st.composite
def along_a_dim(
    draw: st.DrawFn, unequal: bool = False, same_shape: bool = True, permuted: bool = False
) -> tuple[Array, int, Array]:
    """Draw a tensor in any memory layout, a dimension, and an upstream gradient.

    With `same_shape` the gradient has the tensor's shape, else its size along the dimension is 1.
    It is contiguous unless `permuted`.
    """
    shape = draw(shapes(max_side=4))
    dim = draw(st.integers(0, len(shape) - 1))
    out = shape if same_shape else (*shape[:dim], 1, *shape[dim + 1 :])
    x = draw(distinct(shape) if unequal else arrays(shape))
    return x, dim, draw(arrays(out, permuted=permuted))


MaxCase = tuple[Array, int, Array]


# The maximum


@given(case=along_a_dim(unequal=True, same_shape=False), backend=backends)
def test_maxima_and_their_gradient(subject: Subject, case: MaxCase, backend: str) -> None:
    x, dim, upstream = case
    response = subject.call("nn.max", [x], {"dim": dim, "backend": backend}, upstream)
    expect_array(response, x.max(axis=dim, keepdims=True))
    expect_gradients(response, [nn.max_gradient(x, dim, upstream)])


@given(case=along_a_dim(same_shape=False))
def test_gradient_at_ties(subject: Subject, case: MaxCase) -> None:
    x, dim, upstream = case
    response = subject.call("nn.max", [x], {"dim": dim}, upstream)
    expect_array(response, x.max(axis=dim, keepdims=True))
    gradient = response.gradients[0]
    usual = gradient is not None and nn.is_max_gradient(x, dim, upstream, gradient)
    expect(usual, f"the gradient of the operand {_against_rules(x, dim, gradient)}", response)


def _against_rules(x: Array, dim: int, gradient: Array | None) -> str:
    """Describe how a gradient violates all usual rules at ties."""
    if gradient is None or gradient.shape != x.shape:
        return "is missing" if gradient is None else f"has the shape {gradient.shape}"
    stray = np.argwhere((x < x.max(axis=dim, keepdims=True)) & (gradient != 0))
    if len(stray):
        at = tuple(stray[0].tolist())
        return f"is {gradient[at]:g} at {at}, where there is no maximum"
    return "distributes the upstream gradient among equal maxima by no usual rule"


def test_gradient_of_the_first_of_equal_maxima(subject: Subject) -> None:
    x, upstream = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), np.array([[5.0], [7.0]])
    response = subject.call("nn.max", [x], {"dim": 1}, upstream)
    expect_gradients(response, [np.array([[0.0, 5.0, 0.0], [7.0, 0.0, 0.0]])])


@given(case=along_a_dim(unequal=True))
def test_one_hot_argmax(subject: Subject, case: MaxCase) -> None:
    x, dim, _ = case
    response = subject.call("nn.argmax", [x], {"dim": dim})
    expect_array(response, (x == x.max(axis=dim, keepdims=True)).astype(float))


def test_maximum_of_very_negative_numbers(subject: Subject) -> None:
    x = np.array([[-1e12, -2e12], [-3e300, -1e300]])
    expect_array(subject.call("nn.max", [x], {"dim": 1}), [[-1e12], [-1e300]])


def test_maximum_of_nan(subject: Subject) -> None:
    x = np.array([[1.0, np.nan], [np.nan, 1.0], [2.0, 1.0]])
    expect_array(subject.call("nn.max", [x], {"dim": 1}), [[np.nan], [np.nan], [2.0]])


# Max pooling


@given(case=images(unequal=True), backend=backends)
def test_max_pooling_and_its_gradient(subject: Subject, case: PoolingCase, backend: str) -> None:
    x, kernel, upstream = case
    options = {"kernel": list(kernel), "backend": backend}
    response = subject.call("nn.maxpool2d", [x], options, upstream)
    tiles = nn.windows(x, kernel)
    expect_array(response, tiles.max(axis=-1))
    gradient = nn.max_gradient(tiles, -1, upstream[..., None])
    expect_gradients(response, [nn.images(gradient, kernel)])


# Softmax


@given(case=along_a_dim(), backend=backends)
def test_softmax_and_its_gradient(subject: Subject, case: MaxCase, backend: str) -> None:
    x, dim, upstream = case
    response = subject.call("nn.softmax", [x], {"dim": dim, "backend": backend}, upstream)
    expect_array(response, nn.softmax(x, dim))
    # If the maximum is subtracted without detaching it, ties may not cancel exactly.
    expect_gradients(response, [nn.softmax_gradient(x, dim, upstream)], absolute=1e-6)


@given(case=along_a_dim(), backend=backends)
def test_logsoftmax_and_its_gradient(subject: Subject, case: MaxCase, backend: str) -> None:
    x, dim, upstream = case
    response = subject.call("nn.logsoftmax", [x], {"dim": dim, "backend": backend}, upstream)
    # The course's logarithm adds EPS to its argument: to a sum, or to the softmax itself.
    exact, shifted = nn.logsoftmax(x, dim), np.log(nn.softmax(x, dim) + EPS)
    expect_any_array(response, [exact, shifted], absolute=1e-4)
    gradients = [[nn.logsoftmax_gradient(x, dim, upstream, eps)] for eps in (0.0, EPS)]
    expect_any_gradients(response, gradients, absolute=1e-4)


@pytest.mark.parametrize("shift", [800.0, -800.0, 1e4])
def test_logsoftmax_of_large_scores(subject: Subject, shift: float) -> None:
    x = np.array([[0.0, 1.0, -2.0]]) + shift
    response = subject.call("nn.logsoftmax", [x], {"dim": 1})
    expect_array(response, nn.logsoftmax(x, 1), absolute=1e-4)


@pytest.mark.parametrize("scores", [[1000.0, 999.0, 0.0], [-1000.0, -999.0, -2000.0]])
def test_softmax_of_large_scores(subject: Subject, scores: list[float]) -> None:
    x = np.array([scores])
    expect_array(subject.call("nn.softmax", [x], {"dim": 1}), nn.softmax(x, 1))


@given(data=st.data())
def test_upstream_gradients_in_any_layout(subject: Subject, data: st.DataObject) -> None:
    x, dim, upstream = data.draw(along_a_dim(unequal=True, same_shape=False, permuted=True))
    response = subject.call("nn.max", [x], {"dim": dim}, upstream)
    expect_gradients(response, [nn.max_gradient(x, dim, upstream)])
    x, dim, upstream = data.draw(along_a_dim(permuted=True))
    response = subject.call("nn.softmax", [x], {"dim": dim}, upstream)
    expect_gradients(response, [nn.softmax_gradient(x, dim, upstream)], absolute=1e-6)
    x, kernel, upstream = data.draw(images(unequal=True, permuted=True))
    response = subject.call("nn.maxpool2d", [x], {"kernel": list(kernel)}, upstream)
    gradient = nn.max_gradient(nn.windows(x, kernel), -1, upstream[..., None])
    expect_gradients(response, [nn.images(gradient, kernel)])


# Dropout


@given(x=shapes().flatmap(arrays), rate=st.floats(0, 1))
def test_ignored_dropout(subject: Subject, x: Array, rate: float) -> None:
    response = subject.call("nn.dropout", [x], {"rate": rate, "ignore": True})
    expect_array(response, x)


@given(x=shapes().flatmap(arrays))
def test_dropout_at_rates_0_and_1(subject: Subject, x: Array) -> None:
    kept = subject.call("nn.dropout", [x], {"rate": 0.0, "ignore": False})
    expect_array(kept, x)
    dropped = subject.call("nn.dropout", [x], {"rate": 1.0, "ignore": False})
    expect_array(dropped, np.zeros(x.shape))


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.8])
def test_rate_of_dropout(subject: Subject, rate: float) -> None:
    count = 2000
    response = subject.call("nn.dropout", [np.ones((40, 50))], {"rate": rate, "ignore": False})
    dropped = int((response.array == 0).sum())
    # Six standard deviations of the binomial distribution: one false alarm in 500 million.
    bound = 6 * np.sqrt(count * rate * (1 - rate))
    message = f"{dropped} of {count} elements were dropped at a rate of {rate}"
    expect(abs(dropped - count * rate) <= bound, message, response)
    kept = response.array[response.array != 0]
    scaled = bool(np.isclose(kept, 1 / (1 - rate)).all())
    expect(bool((kept == 1).all()) or scaled, "a kept element has changed", response)


def test_elements_kept_by_dropout(subject: Subject) -> None:
    response = subject.call("nn.dropout", [np.ones((20, 20))], {"rate": 0.5, "ignore": False})
    kept = response.array[response.array != 0]
    expect(bool((kept == 1).all()), "a kept element has changed", response)


def test_randomness_of_dropout(subject: Subject) -> None:
    options = {"rate": 0.5, "ignore": False}
    first = subject.call("nn.dropout", [np.ones((20, 20))], options)
    second = subject.call("nn.dropout", [np.ones((20, 20))], options)
    expect(
        not np.array_equal(first.array, second.array), "two calls dropped the same elements", second
    )
    differing_rows = len({row.tobytes() for row in first.array})
    differing_columns = len({column.tobytes() for column in first.array.T})
    expect(differing_rows > 1 and differing_columns > 1, "all rows or columns are alike", first)


def test_gradient_of_dropout(subject: Subject) -> None:
    upstream = np.arange(1.0, 401.0).reshape(20, 20)
    options = {"rate": 0.5, "ignore": False}
    response = subject.call("nn.dropout", [np.ones((20, 20))], options, upstream)
    # The input is all ones, so the result contains the factor of each element.
    expect_gradients(response, [response.array * upstream])


# The learner's own tests


def test_your_tests_on_right_code(subject: Subject) -> None:
    check_tests_pass(subject, "4.4")


def test_your_tests_on_wrong_code(subject: Subject) -> None:
    check_tests_detect_mutants(subject, "4.4")
