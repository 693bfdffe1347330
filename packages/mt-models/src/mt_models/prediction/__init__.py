"""Predictions of trained networks."""

from mt_models.datasets import ImageError, normalize_digit, read_digit
from mt_models.prediction.predict import Prediction, find_checkpoint, predict

__all__ = [
    "ImageError",
    "Prediction",
    "find_checkpoint",
    "normalize_digit",
    "predict",
    "read_digit",
]
