"""Training problems: a network with its examples and its loss."""

from mt_models.problems.digits import NETWORKS, DigitNetwork, Digits, image_batch
from mt_models.problems.points import Points
from mt_models.problems.problem import Answer, Evaluation, Examples, Loss, Problem
from mt_models.problems.sentiment import LENGTH, Sentiment, probabilities

__all__ = [
    "LENGTH",
    "NETWORKS",
    "Answer",
    "DigitNetwork",
    "Digits",
    "Evaluation",
    "Examples",
    "Loss",
    "Points",
    "Problem",
    "Sentiment",
    "image_batch",
    "probabilities",
]
