"""Task 2.5: training with tensors."""

import pytest

from grading.points import check_learns
from grading.subject import Subject

pytestmark = pytest.mark.task2_5


@pytest.mark.parametrize(("name", "least"), [("Simple", 42)])
def test_learns_points(subject: Subject, name: str, least: int) -> None:
    options = {"model": "simple", "hidden": 4, "rate": 0.5, "epochs": 30, "batch": 5, "seed": 0}
    check_learns(subject, name, least, options)
