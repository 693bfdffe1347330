"""Training of a submission's networks, and measurement of their accuracy."""

from grading.accuracy.training import (
    Learner,
    Record,
    check_accuracy,
    check_all_parameters_are_trained,
    check_gradients_exist,
    check_layers,
    check_learning,
    check_loss,
    check_probabilities,
    check_short_training,
    check_text,
    cross_entropy,
    describe,
    seconds_of_an_epoch,
)

__all__ = [
    "Learner",
    "Record",
    "check_accuracy",
    "check_all_parameters_are_trained",
    "check_gradients_exist",
    "check_layers",
    "check_learning",
    "check_loss",
    "check_probabilities",
    "check_short_training",
    "check_text",
    "cross_entropy",
    "describe",
    "seconds_of_an_epoch",
]
