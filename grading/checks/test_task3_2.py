"""Task 3.2: matrix multiplication."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect_array, expect_refusal
from grading.checking.kernels import check_kernel, check_races
from grading.checking.products import Case, check_matmul, matrices
from grading.checking.sources import (
    check_inner_multiplications,
    check_is_called,
    check_is_parallel,
)
from grading.checking.strategies import laid_out
from grading.checking.textbook import shuffled
from grading.protocol.messages import Subject

pytestmark = pytest.mark.task3_2

FAST = {"backend": "fast"}


@given(case=matrices(max_batch=1))
def test_products_and_gradients(subject: Subject, case: Case) -> None:
    check_matmul(subject, case, FAST)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1)])
def test_large_products(subject: Subject, order: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    shapes = (3, 70, 50), (3, 50, 65), (3, 70, 65)
    a, b, upstream = (rng.integers(-4, 5, shape).astype(float) for shape in shapes)
    permuted = np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order))
    check_matmul(subject, (permuted, b, upstream), FAST)


@given(case=matrices())
def test_output_of_the_kernel(subject: Subject, case: Case) -> None:
    a, b, _ = case
    # The bare kernel receives three dimensions, as the published one requires.
    a, b = (x.reshape(-1, *x.shape[-2:]) for x in (a, b))
    if len(a) != len(b):
        a, b = a[:1], b[:1]
    out = np.zeros((len(a), a.shape[1], b.shape[2]))
    check_kernel(subject, KERNEL, out, [a, b], a @ b)


@given(case=matrices(max_batch=0), data=st.data())
def test_output_in_any_layout(subject: Subject, case: Case, data: st.DataObject) -> None:
    a, b, _ = case
    out = data.draw(laid_out(np.full((1, a.shape[0], b.shape[1]), 99.0)))
    check_kernel(subject, KERNEL, out, [a[None], b[None]], (a @ b)[None])


@pytest.mark.parametrize(("a_batch", "b_batch"), [((3,), (1,)), ((1,), (3,)), ((), (2,))])
def test_batches_that_broadcast(
    subject: Subject, a_batch: tuple[int, ...], b_batch: tuple[int, ...]
) -> None:
    _check_batches(subject, a_batch, b_batch)


def test_batches_of_two_dimensions(subject: Subject) -> None:
    _check_batches(subject, (2, 1), (1, 3))


def _check_batches(subject: Subject, a_batch: tuple[int, ...], b_batch: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    common = np.broadcast_shapes(a_batch, b_batch)
    shapes = (*a_batch, 2, 3), (*b_batch, 3, 4), (*common, 2, 4)
    a, b, upstream = (shuffled(rng, shape) for shape in shapes)
    check_matmul(subject, (a, b, upstream), FAST)


KERNEL = {"module": "fast_ops", "kernel": "tensor_matrix_multiply"}


@pytest.mark.parametrize(("sizes", "times"), [((2, 3, 4), 1000), ((60, 50, 70), 10)])
def test_data_races(subject: Subject, sizes: tuple[int, int, int], times: int) -> None:
    """Check that iterations of a small call write disjoint elements; repeat a large call."""
    m, k, n = sizes
    rng = np.random.default_rng(0)
    a = shuffled(rng, (2, k, m)).swapaxes(1, 2)
    b = shuffled(rng, (2, k, n))
    check_races(subject, KERNEL, np.zeros((2, m, n)), [a, b], a @ b, times)


def test_parallel_main_loop(subject: Subject) -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(-4, 5, (3, 14, 18)).astype(float)
    b = rng.integers(-4, 5, (3, 18, 11)).astype(float)
    check_is_parallel(subject, KERNEL, np.zeros((3, 14, 11)), [a, b], a @ b)


def test_calls_of_the_kernel(subject: Subject) -> None:
    a, b = np.arange(12.0).reshape(2, 2, 3), np.arange(1.0, 25.0).reshape(2, 3, 4)
    check_is_called(subject, KERNEL, np.zeros((2, 2, 4)), [a, b], a @ b)


def test_one_multiplication_in_the_inner_loop(subject: Subject) -> None:
    a = np.arange(4.0).reshape(1, 2, 2)
    check_inner_multiplications(subject, KERNEL, np.zeros((1, 2, 2)), [a, a], most=1)


def test_error_for_unequal_inner_sizes(subject: Subject) -> None:
    expect_refusal(subject, "tensor.matmul", [np.zeros((2, 3)), np.zeros((2, 3))], FAST)


def test_propagation_of_nan(subject: Subject) -> None:
    a = np.arange(6.0).reshape(2, 3)
    a[0, 1] = np.nan
    b = np.arange(6.0).reshape(3, 2)
    expect_array(subject.call("tensor.matmul", [a, b], FAST), a @ b)


def test_empty_tensors(subject: Subject) -> None:
    response = subject.call("tensor.matmul", [np.zeros((2, 0)), np.zeros((0, 3))], FAST)
    expect_array(response, np.zeros((2, 3)))
