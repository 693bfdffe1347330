"""Task 3.2: matrix multiplication."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.compare import advice, expect_array, expect_refusal
from grading.elementwise import check_kernel
from grading.products import Case, check_matmul, matrices
from grading.strategies import laid_out
from grading.subject import Subject

pytestmark = pytest.mark.task3_2

FAST = {"backend": "fast"}


@given(case=matrices())
def test_products_and_gradients(subject: Subject, case: Case) -> None:
    check_matmul(subject, case, FAST)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1)])
def test_large_products(subject: Subject, order: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    shapes = (3, 70, 50), (3, 50, 65), (3, 70, 65)
    a, b, upstream = (rng.integers(-4, 5, shape).astype(float) for shape in shapes)
    permuted = np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order))
    check_matmul(subject, (permuted, b, upstream), FAST)


@given(case=matrices(), data=st.data())
def test_the_kernel_writes_its_output_and_nothing_else(
    subject: Subject, case: Case, data: st.DataObject
) -> None:
    a, b, _ = case
    # The bare kernel is given three dimensions, as the published one demands.
    a, b = (x.reshape(-1, *x.shape[-2:]) for x in (a, b))
    if len(a) != len(b):
        a, b = a[:1], b[:1]
    out = data.draw(laid_out(np.zeros((len(a), a.shape[1], b.shape[2]))))
    options = {"module": "fast_ops", "kernel": "tensor_matrix_multiply"}
    check_kernel(subject, options, out, [a, b], a @ b)


def test_inner_sizes_must_agree(subject: Subject) -> None:
    expect_refusal(subject, "tensor.matmul", [np.zeros((2, 3)), np.zeros((2, 3))], FAST)


def test_nan_reaches_its_row_and_no_other(subject: Subject) -> None:
    a = np.arange(6.0).reshape(2, 3)
    a[0, 1] = np.nan
    b = np.arange(6.0).reshape(3, 2)
    expect_array(subject.call("tensor.matmul", [a, b], FAST), a @ b)


@advice("the course never makes a tensor without elements")
def test_no_elements(subject: Subject) -> None:
    answer = subject.call("tensor.matmul", [np.zeros((2, 0)), np.zeros((0, 3))], FAST)
    expect_array(answer, np.zeros((2, 3)))
