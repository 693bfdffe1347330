"""Predictions of trained networks, and their evaluation on other data."""

from mt_models.datasets import ImageError, normalize_digit, read_digit
from mt_models.prediction.predict import Prediction, evaluate, find_checkpoint, predict

__all__ = [
    "ImageError",
    "Prediction",
    "evaluate",
    "find_checkpoint",
    "normalize_digit",
    "predict",
    "read_digit",
]
