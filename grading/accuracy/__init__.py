"""Training a submission's networks and counting what they get right."""

from grading.accuracy.training import check_accuracy

__all__ = ["check_accuracy"]
