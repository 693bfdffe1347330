"""Task 4.1: one-dimensional convolution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect_array
from grading.checking.kernels import check_kernel, check_races
from grading.checking.oracles.convolution import conv
from grading.checking.products import Case, check_convolution, convolutions, random_case
from grading.checking.sources import check_is_called, check_is_parallel, check_iterations
from grading.checking.strategies import laid_out
from grading.protocol.messages import Subject

pytestmark = pytest.mark.task4_1

OPERATION = "tensor.conv1d"
KERNEL = {"module": "fast_conv", "kernel": "tensor_conv1d", "more": [False]}


@given(case=convolutions(dims=1, max_image=6, max_kernel=4))
def test_values_and_gradients(subject: Subject, case: Case) -> None:
    check_convolution(subject, OPERATION, case, {"backend": "fast"})


@given(case=convolutions(dims=1))
def test_default_backend(subject: Subject, case: Case) -> None:
    check_convolution(subject, OPERATION, case, {"backend": "simple"})


@pytest.mark.parametrize("kernel", [1, 2, 7])
def test_small_and_large_kernels(subject: Subject, kernel: int) -> None:
    case = random_case((2, 3, 4), (2, 3, kernel))
    check_convolution(subject, OPERATION, case, {"backend": "fast"})


def test_many_channels_and_a_long_input(subject: Subject) -> None:
    case = random_case((8, 6, 50), (10, 6, 5))
    check_convolution(subject, OPERATION, case, {"backend": "fast"})


@given(case=convolutions(dims=1))
def test_output_of_the_kernel(subject: Subject, case: Case) -> None:
    x, weight, upstream = case
    out = np.zeros(upstream.shape)
    check_kernel(subject, KERNEL, out, [x, weight], conv(x, weight))


def test_propagation_of_nan(subject: Subject) -> None:
    x, weight, _ = random_case((1, 2, 5), (2, 2, 2))
    x[0, 1, 2] = np.nan
    expect_array(subject.call(OPERATION, [x, weight], {"backend": "fast"}), conv(x, weight))


@pytest.mark.parametrize(
    ("shape", "weight", "times"), [((2, 2, 4), (2, 2, 3), 1000), ((2, 3, 40), (4, 3, 5), 20)]
)
def test_data_races(
    subject: Subject, shape: tuple[int, ...], weight: tuple[int, ...], times: int
) -> None:
    """Check that iterations of a small call write disjoint elements; repeat a large call."""
    x, w, upstream = random_case(shape, weight)
    out = np.zeros(upstream.shape)
    check_races(subject, KERNEL, out, [x, w], conv(x, w), times)
    reversed_result = conv(x, w, reverse=True)
    check_iterations(subject, {**KERNEL, "more": [True]}, out, [x, w], reversed_result)


def test_parallel_main_loop(subject: Subject) -> None:
    x, w, upstream = random_case((3, 4, 50), (5, 4, 3))
    check_is_parallel(subject, KERNEL, np.zeros(upstream.shape), [x, w], conv(x, w))


def test_calls_of_the_kernel(subject: Subject) -> None:
    x, w, upstream = random_case((2, 2, 5), (3, 2, 2))
    check_is_called(subject, KERNEL, np.zeros(upstream.shape), [x, w], conv(x, w))


@given(case=convolutions(dims=1))
def test_reversed_kernel(subject: Subject, case: Case) -> None:
    x, weight, upstream = case
    out = np.zeros(upstream.shape)
    check_kernel(
        subject, {**KERNEL, "more": [True]}, out, [x, weight], conv(x, weight, reverse=True)
    )


@given(case=convolutions(dims=1), data=st.data())
def test_output_in_any_layout(subject: Subject, case: Case, data: st.DataObject) -> None:
    x, weight, upstream = case
    out = data.draw(laid_out(np.full(upstream.shape, 99.0)))
    check_kernel(subject, KERNEL, out, [x, weight], conv(x, weight))


def test_empty_batch(subject: Subject) -> None:
    x, weight = np.zeros((0, 2, 4)), np.ones((3, 2, 2))
    response = subject.call(OPERATION, [x, weight], {"backend": "fast"}, np.zeros((0, 3, 4)))
    expect_array(response, np.zeros((0, 3, 4)))
