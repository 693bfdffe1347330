"""Training a submission's networks and counting what they get right."""

from grading.accuracy.training import (
    Learner,
    Record,
    check_accuracy,
    check_all_are_trained,
    check_gradients_arrive,
    check_layers,
    check_learning,
    check_loss,
    check_probabilities,
    cross_entropy,
    describe,
    seconds_of_an_epoch,
)

__all__ = [
    "Learner",
    "Record",
    "check_accuracy",
    "check_all_are_trained",
    "check_gradients_arrive",
    "check_layers",
    "check_learning",
    "check_loss",
    "check_probabilities",
    "cross_entropy",
    "describe",
    "seconds_of_an_epoch",
]
