"""Task 3.3: map, zip and reduce on a GPU, with tiny inputs for the slow simulator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_array
from grading.checking.elementwise import (
    check_elementwise_gradients,
    check_map,
    check_sum,
    check_zip,
    one_tensor,
    reductions,
    two_tensors,
)
from grading.checking.strategies import arrays
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task3_3

CUDA = {"backend": "cuda"}
few = settings(max_examples=10)


@pytest.mark.parametrize("name", ["neg", "sigmoid", "log"])
@few
@given(data=st.data())
def test_map(cuda_subject: Subject, name: str, data: st.DataObject) -> None:
    x, _ = data.draw(one_tensor(name, max_side=3))
    check_map(cuda_subject, name, x, CUDA)


@pytest.mark.parametrize("name", ["add", "mul", "lt"])
@few
@given(data=st.data())
def test_zip(cuda_subject: Subject, name: str, data: st.DataObject) -> None:
    a, b, _ = data.draw(two_tensors(name))
    check_zip(cuda_subject, name, a, b, CUDA)


@few
@given(case=reductions(max_side=3))
def test_reduce(cuda_subject: Subject, case: tuple[Array, int, Array]) -> None:
    x, dim, _ = case
    check_sum(cuda_subject, x, dim, CUDA)


@few
@given(data=st.data())
def test_gradients(cuda_subject: Subject, data: st.DataObject) -> None:
    a, b, upstream = data.draw(two_tensors("mul"))
    check_elementwise_gradients(cuda_subject, "mul", [a, b], upstream, CUDA)


@few
@given(xs=st.integers(1, 40).flatmap(lambda n: arrays((n,))))
def test_sum_practice(cuda_subject: Subject, xs: Array) -> None:
    # Threads of one warp count as running in lockstep, as the course's guide teaches.
    response = cuda_subject.call("cuda.sum_practice", [xs], {"lockstep": True})
    total = float(response.array.sum())
    message = f"the blocks add up to {total}, expected {xs.sum()}"
    expect(bool(np.isclose(total, xs.sum())), message, response)


@pytest.mark.parametrize("kernel", ["map", "zip"])
def test_more_elements_than_threads_of_a_block(cuda_subject: Subject, kernel: str) -> None:
    a = np.arange(70.0).reshape(7, 10).T
    if kernel == "map":
        check_map(cuda_subject, "neg", a, CUDA)
    else:
        check_zip(cuda_subject, "add", a, np.arange(7.0), CUDA)


def test_synchronization_of_threads(cuda_subject: Subject) -> None:
    """Check for races, which are exceptions on the simulator (`grading.driver.simulated`)."""
    for dim in (0, 1):
        check_sum(cuda_subject, np.arange(18.0).reshape(9, 2) ** 2, dim, CUDA)


def test_synchronization_within_a_warp(cuda_subject: Subject) -> None:
    response = cuda_subject.call("cuda.sum_practice", [np.arange(40.0)])
    expect_array(response, [np.arange(32.0).sum(), np.arange(32.0, 40.0).sum()])


def test_reduction_longer_than_a_block(cuda_subject: Subject) -> None:
    x = np.arange(1030.0).reshape(1, 1030)
    expect_array(cuda_subject.call("tensor.sum", [x], {**CUDA, "dim": 1}), [[x.sum()]])
