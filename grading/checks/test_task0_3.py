"""Task 0.3: functional Python."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_array
from grading.checking.strategies import quarters, small_floats
from grading.mutation import check_tests_detect_mutants, check_tests_pass
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task0_3

lists = st.lists(small_floats, max_size=8).map(lambda xs: np.array(xs, np.float64))
short_lists = st.lists(quarters, max_size=6).map(lambda xs: np.array(xs, np.float64))
pairs = st.lists(st.tuples(small_floats, small_floats), max_size=8).map(
    lambda rows: (
        np.array([x for x, _ in rows], np.float64),
        np.array([y for _, y in rows], np.float64),
    )
)


@given(xs=lists)
def test_map(subject: Subject, xs: Array) -> None:
    answer = subject.call("operators.lists", [xs], {"function": "map", "fn": "double"})
    expect_array(answer, 2 * xs)


@given(pair=pairs)
def test_zip_with(subject: Subject, pair: tuple[Array, Array]) -> None:
    answer = subject.call("operators.lists", pair, {"function": "zipWith", "fn": "difference"})
    expect_array(answer, pair[0] - pair[1])


@given(xs=short_lists, start=quarters)
def test_reduce(subject: Subject, xs: Array, start: float) -> None:
    """Reduce by addition, which is independent of the order of the elements."""
    options = {"function": "reduce", "fn": "total", "start": start}
    expect_array(subject.call("operators.lists", [xs], options), start + xs.sum())


@given(xs=short_lists, start=quarters)
def test_reduce_from_the_left(subject: Subject, xs: Array, start: float) -> None:
    options = {"function": "reduce", "fn": "middle", "start": start}
    answer = subject.call("operators.lists", [xs], options)
    result = start
    for x in xs:
        result = (result + x) / 2
    expect_array(answer, result)


@given(xs=lists)
def test_neg_list(subject: Subject, xs: Array) -> None:
    answer = subject.call("operators.lists", [xs], {"function": "negList"})
    expect_array(answer, -xs)


@given(pair=pairs)
def test_add_lists(subject: Subject, pair: tuple[Array, Array]) -> None:
    answer = subject.call("operators.lists", pair, {"function": "addLists"})
    expect_array(answer, pair[0] + pair[1])


@given(xs=lists)
def test_sum(subject: Subject, xs: Array) -> None:
    answer = subject.call("operators.lists", [xs], {"function": "sum"})
    expect_array(answer, math.fsum(xs))


@given(xs=st.lists(quarters, min_size=1, max_size=6).map(lambda xs: np.array(xs, np.float64)))
def test_prod(subject: Subject, xs: Array) -> None:
    answer = subject.call("operators.lists", [xs], {"function": "prod"})
    expect_array(answer, float(np.prod(xs)))


def test_product_of_an_empty_list(subject: Subject) -> None:
    answer = subject.call("operators.lists", [np.zeros(0)], {"function": "prod"})
    expect_array(answer, 1.0)


@given(xs=short_lists, ys=short_lists)
def test_sum_of_concatenated_lists(subject: Subject, xs: Array, ys: Array) -> None:
    options = {"function": "sum"}
    answer = subject.call("operators.lists", [np.concatenate([xs, ys])], options)
    parts = [subject.call("operators.lists", [part], options).array for part in (xs, ys)]
    expect_array(answer, parts[0] + parts[1])


elements = st.lists(quarters, min_size=1, max_size=6).map(lambda xs: np.array(xs, np.float64))


@pytest.mark.parametrize("function", ["map", "zipWith", "negList", "addLists"])
@given(xs=elements)
def test_arguments_afterwards(subject: Subject, function: str, xs: Array) -> None:
    """Compare the lists after the call: the result is a new list."""
    fn = {"map": "double", "zipWith": "difference"}.get(function)
    _check_arguments(
        subject, [xs, 1.0 + xs] if function in ("zipWith", "addLists") else [xs], function, fn
    )


@pytest.mark.parametrize("function", ["sum", "prod"])
@given(xs=elements)
def test_argument_of_a_fold_afterwards(subject: Subject, function: str, xs: Array) -> None:
    _check_arguments(subject, [xs], function)


def _check_arguments(
    subject: Subject, lists: list[Array], function: str, fn: str | None = None
) -> None:
    answer = subject.call("operators.arguments", lists, {"function": function, "fn": fn})
    unchanged = all(map(np.array_equal, answer.arrays, lists))
    expect(unchanged, f"`{function}` changes its argument", answer)


# The learner's own tests


def test_your_tests_on_right_code(subject: Subject) -> None:
    check_tests_pass(subject, "0.3")


def test_your_tests_on_wrong_code(subject: Subject) -> None:
    check_tests_detect_mutants(subject, "0.3")
