"""Task 0.2: testing and debugging, with the laws that the learner's tests express."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_array
from grading.checking.strategies import columns, small_floats
from grading.mutation import check_tests_detect_mutants, check_tests_pass
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task0_2


def each(subject: Subject, formula: str, *xs: Array) -> Array:
    return subject.call("operators.each", xs, {"formula": formula}).array


@given(xs=columns(small_floats))
def test_range_of_sigmoid(subject: Subject, xs: tuple[Array]) -> None:
    response = subject.call("operators.each", xs, {"formula": "sigmoid"})
    inside = (response.array >= 0) & (response.array <= 1)
    expect(bool(inside.all()), "a sigmoid lies outside of [0, 1]", response)


@given(xs=columns(small_floats))
def test_symmetry_of_sigmoid(subject: Subject, xs: tuple[Array]) -> None:
    response = subject.call("operators.each", [-xs[0]], {"formula": "sigmoid"})
    expect_array(response, 1 - each(subject, "sigmoid", xs[0]))


def test_sigmoid_of_zero(subject: Subject) -> None:
    response = subject.call("operators.each", [np.zeros(1)], {"formula": "sigmoid"})
    expect_array(response, [0.5])


@given(xs=columns(st.floats(-15, 14)), step=st.floats(0.01, 1.0))
def test_monotonicity_of_sigmoid(subject: Subject, xs: tuple[Array], step: float) -> None:
    response = subject.call("operators.each", [xs[0] + step], {"formula": "sigmoid"})
    grows = response.array > each(subject, "sigmoid", xs[0])
    expect(bool(grows.all()), "the sigmoid of a larger number is not larger", response)


@given(triple=columns(small_floats, 3))
def test_transitivity_of_less_than(subject: Subject, triple: tuple[Array, ...]) -> None:
    a, b, c = np.sort(np.stack(triple), axis=0)
    first, second = each(subject, "lt", a, b), each(subject, "lt", b, c)
    response = subject.call("operators.each", [a, c], {"formula": "lt"})
    holds = response.array >= np.minimum(first, second)
    expect(bool(holds.all()), "a < b and b < c, but not a < c", response)


@given(pair=columns(small_floats, 2))
def test_exactly_one_of_less_equal_and_greater(subject: Subject, pair: tuple[Array, Array]) -> None:
    a, b = pair
    response = subject.call("operators.each", [a, b], {"formula": "lt"})
    others = each(subject, "lt", b, a) + each(subject, "eq", a, b)
    expect_array(response, 1 - others)


@pytest.mark.parametrize("formula", ["mul", "add", "max", "eq", "is_close"])
@given(pair=columns(small_floats, 2))
def test_symmetric(subject: Subject, formula: str, pair: tuple[Array, Array]) -> None:
    a, b = pair
    response = subject.call("operators.each", [b, a], {"formula": formula})
    expect_array(response, each(subject, formula, a, b))


@given(triple=columns(st.floats(-10, 10), 3))
def test_distributivity_of_multiplication(subject: Subject, triple: tuple[Array, ...]) -> None:
    a, b, c = triple
    response = subject.call("operators.each", [a, each(subject, "add", b, c)], {"formula": "mul"})
    parts = each(subject, "mul", a, b), each(subject, "mul", a, c)
    expect_array(response, each(subject, "add", *parts), absolute=1e-6)


@given(xs=columns(small_floats))
def test_double_negation(subject: Subject, xs: tuple[Array]) -> None:
    response = subject.call("operators.each", [each(subject, "neg", xs[0])], {"formula": "neg"})
    expect_array(response, xs[0])


@given(xs=columns(st.floats(0.01, 50)))
def test_logarithm_of_the_exponential(subject: Subject, xs: tuple[Array]) -> None:
    response = subject.call("operators.each", [each(subject, "exp", xs[0])], {"formula": "log"})
    expect_array(response, xs[0], absolute=1e-4)


@given(pair=columns(small_floats, 2))
def test_maximum_of_two_numbers(subject: Subject, pair: tuple[Array, Array]) -> None:
    response = subject.call("operators.each", pair, {"formula": "max"})
    largest = response.array
    right = ((largest == pair[0]) | (largest == pair[1])) & (largest >= np.maximum(*pair))
    expect(
        bool(right.all()),
        "a maximum is neither of the two numbers, or less than one of them",
        response,
    )


# The learner's own tests


def test_your_tests_on_right_code(subject: Subject) -> None:
    check_tests_pass(subject, "0.2")


def test_your_tests_on_wrong_code(subject: Subject) -> None:
    check_tests_detect_mutants(subject, "0.2")
