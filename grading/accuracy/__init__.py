"""Training a submission's networks and counting what they get right."""

from grading.accuracy.training import Learner, Record, check_accuracy, seconds_of_an_epoch

__all__ = ["Learner", "Record", "check_accuracy", "seconds_of_an_epoch"]
