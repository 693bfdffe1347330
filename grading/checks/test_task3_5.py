"""Task 3.5: training on fast kernels."""

import pytest

from grading.accuracy import Record, check_accuracy
from grading.points import COUNT, RULES
from grading.subject import Subject
from grading.table import Accuracy, table

pytestmark = pytest.mark.task3_5


@pytest.mark.parametrize(("name", "least"), [("Split", 45), ("Xor", 45)])
def test_learns_points(subject: Subject, name: str, least: int) -> None:
    setting: dict[str, str | float] = {
        "model": "fast",
        "hidden": 10,
        "rate": 0.05,
        "epochs": 60,
        "batch": 10,
    }
    check_accuracy(subject, name, Accuracy(least, COUNT, setting))


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_required_accuracy(subject: Subject, name: str, record_property: Record) -> None:
    wanted = table().task("3.5").accuracy[name]
    check_accuracy(subject, name, wanted, record_property)
