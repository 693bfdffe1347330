"""Predictions of trained networks, and their evaluation on other data."""

from mt_models.datasets import ImageError, normalize_digit, read_digit
from mt_models.prediction.likeness import unlike_digit
from mt_models.prediction.predict import (
    Prediction,
    Predictor,
    evaluate,
    find_checkpoint,
    load_predictor,
    predict,
)

__all__ = [
    "ImageError",
    "Prediction",
    "Predictor",
    "evaluate",
    "find_checkpoint",
    "load_predictor",
    "normalize_digit",
    "predict",
    "read_digit",
    "unlike_digit",
]
