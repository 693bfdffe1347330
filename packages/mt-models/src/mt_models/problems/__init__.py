"""Training problems: a network with its examples and its loss."""

from mt_models.problems.digits import NETWORKS, DigitNetwork, Digits, image_batch
from mt_models.problems.points import Points
from mt_models.problems.problem import (
    Answer,
    Evaluation,
    Examples,
    Loss,
    Metric,
    Problem,
    epoch_order,
)
from mt_models.problems.sentiment import LENGTH, Sentiment, probabilities
from mt_models.problems.text import Text, TextEvaluation, evaluate_sequences, sequences

__all__ = [
    "LENGTH",
    "NETWORKS",
    "Answer",
    "DigitNetwork",
    "Digits",
    "Evaluation",
    "Examples",
    "Loss",
    "Metric",
    "Points",
    "Problem",
    "Sentiment",
    "Text",
    "TextEvaluation",
    "epoch_order",
    "evaluate_sequences",
    "image_batch",
    "probabilities",
    "sequences",
]
