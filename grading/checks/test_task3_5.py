"""Task 3.5: training on fast kernels."""

import pytest

from grading.points import check_learns
from grading.subject import Subject

pytestmark = pytest.mark.task3_5


@pytest.mark.parametrize(("name", "least"), [("Split", 45), ("Xor", 45)])
def test_learns_points(subject: Subject, name: str, least: int) -> None:
    options = {"model": "fast", "hidden": 20, "rate": 0.5, "epochs": 300, "batch": 50, "seed": 0}
    check_learns(subject, name, least, options)
