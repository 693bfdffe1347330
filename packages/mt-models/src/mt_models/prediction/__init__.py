"""Predictions of trained networks, and their evaluation on other data."""

from mt_models.datasets import ImageError, normalize_digit, read_digit
from mt_models.prediction.likeness import unlike_digit
from mt_models.prediction.predict import (
    Prediction,
    Predictor,
    TextPredictor,
    evaluate,
    find_checkpoint,
    load_language_model,
    load_predictor,
    predict,
)
from mt_models.prediction.texts import PRETRAINED_TEXT, LanguageModel

__all__ = [
    "PRETRAINED_TEXT",
    "ImageError",
    "LanguageModel",
    "Prediction",
    "Predictor",
    "TextPredictor",
    "evaluate",
    "find_checkpoint",
    "load_language_model",
    "load_predictor",
    "normalize_digit",
    "predict",
    "read_digit",
    "unlike_digit",
]
