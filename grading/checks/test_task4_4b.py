"""Task 4.4b: convolution on a GPU, with tiny inputs for the slow simulator."""

import pytest
from hypothesis import given, settings

from grading.checking.products import Case, check_convolution, convolutions, random_case
from grading.judge.recorder import NOT_JUDGED
from grading.protocol.messages import Subject

pytestmark = pytest.mark.task4_4b

CUDA = {"backend": "cuda"}


@pytest.fixture(autouse=True)
def _is_there(cuda_subject: Subject) -> None:
    """Skip the checks if the functions lack the names in the README of the course's module 4."""
    for name in ("conv1d", "conv2d"):
        defined = cuda_subject.call("cuda.defines", options={"file": "cuda_conv", "name": name})
        if not defined.plain:
            pytest.skip(f"{NOT_JUDGED}cuda_conv.py defines no {name}")


@settings(max_examples=5)
@given(case=convolutions(dims=1, max_image=4))
def test_one_dimension(cuda_subject: Subject, case: Case) -> None:
    check_convolution(cuda_subject, "tensor.conv1d_cuda", case, CUDA)


@settings(max_examples=5)
@given(case=convolutions(dims=2, max_image=3, max_kernel=2))
def test_two_dimensions(cuda_subject: Subject, case: Case) -> None:
    check_convolution(cuda_subject, "tensor.conv2d_cuda", case, CUDA)


@pytest.mark.parametrize(
    ("operation", "case"),
    [
        ("conv1d_cuda", random_case((2, 3, 5), (3, 3, 3))),
        ("conv2d_cuda", random_case((1, 2, 3, 3), (2, 2, 2, 2))),
    ],
    ids=["conv1d", "conv2d"],
)
def test_synchronization_of_threads(cuda_subject: Subject, operation: str, case: Case) -> None:
    """Check for races, which are exceptions on the simulator (`grading.driver.simulated`)."""
    check_convolution(cuda_subject, f"tensor.{operation}", case, CUDA)


def test_kernels_larger_than_the_image(cuda_subject: Subject) -> None:
    case = random_case((1, 1, 2, 3), (1, 1, 3, 4))
    check_convolution(cuda_subject, "tensor.conv2d_cuda", case, CUDA)
