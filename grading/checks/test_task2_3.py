"""Task 2.3: map, zip and reduce, and the functions of tensors forward."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grading.checking.compare import expect_array, expect_refusal
from grading.checking.elementwise import (
    BINARY,
    UNARY,
    check_map,
    check_sum,
    check_zip,
    one_tensor,
    reductions,
    two_tensors,
)
from grading.checking.kernels import (
    LAYOUTS,
    check_map_kernel,
    check_reduce_continues,
    check_reduce_kernel,
    check_zip_kernel,
    map_kernels,
    zip_kernels,
)
from grading.checking.strategies import NONZERO, arrays, quarters, shapes
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task2_3

SIMPLE = {"backend": "simple"}


@pytest.mark.parametrize("name", UNARY)
@given(data=st.data())
def test_functions_of_one_tensor(subject: Subject, name: str, data: st.DataObject) -> None:
    x, _ = data.draw(one_tensor(name))
    check_map(subject, name, x, SIMPLE)


@pytest.mark.parametrize("name", BINARY)
@given(data=st.data())
def test_functions_of_two_tensors(subject: Subject, name: str, data: st.DataObject) -> None:
    a, b, _ = data.draw(two_tensors(name))
    check_zip(subject, name, a, b, SIMPLE)


@given(case=two_tensors("is_close"))
def test_is_close(subject: Subject, case: tuple[Array, Array, Array]) -> None:
    a, b, _ = case
    response = subject.call("tensor.is_close", [a, b])
    expect_array(response, np.abs(a - b) < 1e-2)


@given(case=one_tensor("inv"), number=quarters)
def test_plain_numbers_on_either_side(
    subject: Subject, case: tuple[Array, Array], number: float
) -> None:
    x, _ = case
    for name, expected in {
        "add_number": x + number,
        "radd_number": number + x,
        "rmul_number": number * x,
        "sub_number": x - number,
    }.items():
        expect_array(subject.call(f"tensor.{name}", [x], {"number": number}), expected)


@given(x=shapes().flatmap(lambda shape: arrays(shape, NONZERO)))
def test_reciprocal(subject: Subject, x: Array) -> None:
    expect_array(subject.call("tensor.inv", [x]), 1 / x)


@given(case=reductions())
def test_sum_over_a_dimension(subject: Subject, case: tuple[Array, int, Array]) -> None:
    x, dim, _ = case
    check_sum(subject, x, dim, SIMPLE)


@given(case=reductions())
def test_mean_over_a_dimension(subject: Subject, case: tuple[Array, int, Array]) -> None:
    x, dim, _ = case
    response = subject.call("tensor.mean", [x], {"dim": dim})
    expect_array(response, x.mean(axis=dim, keepdims=True))


@given(x=shapes().flatmap(arrays))
def test_sum_and_mean_of_everything(subject: Subject, x: Array) -> None:
    expect_array(subject.call("tensor.sum", [x]), [x.sum()])
    expect_array(subject.call("tensor.mean", [x]), [x.mean()])


TRUTHS = (0.0, 1.0, 1.0, 1.0)


@given(x=shapes().flatmap(lambda shape: arrays(shape, TRUTHS, permuted=False)))
def test_all(subject: Subject, x: Array) -> None:
    expect_array(subject.call("tensor.all", [x]), [float(x.all())])


@given(x=shapes().flatmap(lambda shape: arrays(shape, TRUTHS)))
def test_all_of_a_permuted_tensor(subject: Subject, x: Array) -> None:
    expect_array(subject.call("tensor.all", [x]), [float(x.all())])


@given(x=shapes().flatmap(arrays), data=st.data())
def test_permute(subject: Subject, x: Array, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(x.ndim)))
    response = subject.call("tensor.permute", [x], {"order": list(order)})
    expect_array(response, x.transpose(order))


@given(x=shapes().flatmap(arrays))
def test_contiguous_copy(subject: Subject, x: Array) -> None:
    expect_array(subject.call("tensor.contiguous", [x]), x)


@given(x=shapes().flatmap(lambda shape: arrays(shape, permuted=False)))
def test_view(subject: Subject, x: Array) -> None:
    response = subject.call("tensor.view", [x], {"shape": [x.size, 1]})
    expect_array(response, x.reshape(x.size, 1))


def test_error_for_a_view_of_a_permuted_tensor(subject: Subject) -> None:
    permuted = np.arange(6.0).reshape(2, 3).T
    expect_refusal(subject, "tensor.view", [permuted], {"shape": [6]})


@given(case=map_kernels())
def test_output_of_the_map_kernel(subject: Subject, case: tuple[Array, Array]) -> None:
    check_map_kernel(subject, "tensor_ops", case)


@given(case=zip_kernels())
def test_output_of_the_zip_kernel(subject: Subject, case: tuple[Array, Array, Array]) -> None:
    check_zip_kernel(subject, "tensor_ops", case)


@example(**LAYOUTS)
@given(one=map_kernels(any_layout=True), two=zip_kernels(any_layout=True))
def test_output_in_any_layout(
    subject: Subject, one: tuple[Array, Array], two: tuple[Array, Array, Array]
) -> None:
    check_map_kernel(subject, "tensor_ops", one)
    check_zip_kernel(subject, "tensor_ops", two)


@given(case=reductions())
def test_output_of_the_reduce_kernel(subject: Subject, case: tuple[Array, int, Array]) -> None:
    check_reduce_kernel(subject, "tensor_ops", case)


@given(case=reductions())
def test_initial_value_of_the_reduce_kernel(
    subject: Subject, case: tuple[Array, int, Array]
) -> None:
    check_reduce_continues(subject, "tensor_ops", case)


@pytest.mark.parametrize("name", ["add", "mul"])
def test_nan_and_infinity(subject: Subject, name: str) -> None:
    x = np.array([math.nan, math.inf, -math.inf, 1e300])
    expected = x + 1 if name == "add" else x * 2
    other = np.array([1.0 if name == "add" else 2.0])
    expect_array(subject.call(f"tensor.{name}", [x, other]), expected)


def test_empty_tensors(subject: Subject) -> None:
    expect_array(subject.call("tensor.neg", [np.zeros((2, 0))]), np.zeros((2, 0)))
    expect_array(subject.call("tensor.sum", [np.zeros((2, 0))], {"dim": 1}), np.zeros((2, 1)))
