"""Task 3.4: matrix multiplication on a GPU, with tiny inputs for the slow simulator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.checking.compare import expect_array
from grading.checking.products import Case, check_matmul, matrices
from grading.checking.strategies import arrays
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task3_4

CUDA = {"backend": "cuda"}


@settings(max_examples=6)
@given(case=matrices(max_side=3, max_batch=1))
def test_products_and_gradients(cuda_subject: Subject, case: Case) -> None:
    check_matmul(cuda_subject, case, CUDA)


def test_products_of_more_than_one_block(cuda_subject: Subject) -> None:
    a, b = np.arange(34.0).reshape(2, 17) - 17, np.arange(51.0).reshape(17, 3) - 25
    expect_array(cuda_subject.call("tensor.matmul", [a, b], CUDA), a @ b)
    wide = np.arange(70.0).reshape(2, 35) % 7
    tall = np.arange(70.0).reshape(35, 2) % 5
    expect_array(cuda_subject.call("tensor.matmul", [wide, tall], CUDA), wide @ tall)
    expect_array(cuda_subject.call("tensor.matmul", [tall, wide], CUDA), tall @ wide)


@pytest.mark.parametrize("kernel", ["practice", "product"])
def test_synchronization_of_threads(cuda_subject: Subject, kernel: str) -> None:
    """Check for races, which are exceptions on the simulator (`grading.driver.simulated`)."""
    if kernel == "practice":
        a, b = np.arange(9.0).reshape(3, 3), np.arange(9.0).reshape(3, 3) - 4
        expect_array(cuda_subject.call("cuda.mm_practice", [a, b]), (a @ b).ravel())
        return
    a, b = np.arange(12.0).reshape(3, 4), np.arange(8.0).reshape(4, 2) - 3
    expect_array(cuda_subject.call("tensor.matmul", [a, b], CUDA), a @ b)
    a, b = np.arange(35.0).reshape(1, 35), np.arange(70.0).reshape(35, 2) - 30
    expect_array(cuda_subject.call("tensor.matmul", [a, b], CUDA), a @ b)


@settings(max_examples=6)
@given(pair=st.integers(1, 3).flatmap(lambda n: st.tuples(arrays((n, n)), arrays((n, n)))))
def test_mm_practice(cuda_subject: Subject, pair: tuple[Array, Array]) -> None:
    a, b = (np.ascontiguousarray(x) for x in pair)
    response = cuda_subject.call("cuda.mm_practice", [a, b])
    expect_array(response, (a @ b).ravel())
