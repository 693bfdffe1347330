"""Task 1.5: training with scalars."""

import pytest

from grading.accuracy import (
    Record,
    check_accuracy,
    check_all_parameters_are_trained,
    check_layers,
    check_learning,
    check_short_training,
)
from grading.checking.points import RULES
from grading.protocol.messages import Subject
from grading.tasks.table import table

pytestmark = pytest.mark.task1_5


SETTING = {"model": "scalar", "hidden": 4, "rate": 0.05, "epochs": 15, "batch": 5}


def test_layers_of_the_network(subject: Subject) -> None:
    check_layers(subject, SETTING)


def test_gradients_of_all_parameters(subject: Subject) -> None:
    check_all_parameters_are_trained(subject, SETTING)


def test_loss_after_training(subject: Subject) -> None:
    check_learning(subject, "Simple", SETTING)


@pytest.mark.parametrize(("name", "least"), [("Simple", 42)])
def test_accuracy_after_short_training(subject: Subject, name: str, least: int) -> None:
    check_short_training(subject, name, least, SETTING)


@pytest.mark.accuracy
@pytest.mark.parametrize("name", RULES)
def test_accuracy_after_full_training(subject: Subject, name: str, record_property: Record) -> None:
    check_accuracy(subject, name, table().task("1.5").accuracy[name], record_property)
