"""Task 3.5: training on fast kernels."""

import pytest

from grading.accuracy import (
    Record,
    check_accuracy,
    check_all_parameters_are_trained,
    check_layers,
    check_learning,
    check_short_training,
    seconds_of_an_epoch,
)
from grading.accuracy.logs import EPOCH
from grading.checking.points import COUNT, RULES
from grading.protocol.messages import Subject
from grading.tasks.table import table

pytestmark = pytest.mark.task3_5


SETTING = {"model": "fast", "hidden": 10, "rate": 0.05, "epochs": 60, "batch": 10}


def test_layers_of_the_network(subject: Subject) -> None:
    check_layers(subject, SETTING)


def test_gradients_of_all_parameters(subject: Subject) -> None:
    check_all_parameters_are_trained(subject, SETTING)


def test_loss_after_training(subject: Subject) -> None:
    check_learning(subject, "Xor", SETTING)


@pytest.mark.parametrize(("name", "least"), [("Split", 45), ("Xor", 45)])
def test_accuracy_after_short_training(subject: Subject, name: str, least: int) -> None:
    check_short_training(subject, name, least, SETTING)


@pytest.mark.accuracy
@pytest.mark.parametrize("name", RULES)
def test_accuracy_after_full_training(subject: Subject, name: str, record_property: Record) -> None:
    check_accuracy(subject, name, table().task("3.5").accuracy[name], record_property)


@pytest.mark.accuracy
def test_time_of_an_epoch(subject: Subject, record_property: Record) -> None:
    """Measure and report the time, without a limit."""
    seconds = seconds_of_an_epoch(subject, "fast", hidden=100, batch=10)
    remark = (
        f"{COUNT} points, 100 hidden units; the course aims at less than 2 s on a processor, and "
        "more costs no points"
    )
    record_property("measured", {"name": EPOCH, "value": round(seconds, 4), "remark": remark})
