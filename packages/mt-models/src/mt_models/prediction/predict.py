"""Loads a trained network and asks it."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mt_autodiff import no_grad
from mt_models.backends import make_backend
from mt_models.datasets import Vocabulary, load_glove, tokenise
from mt_models.prediction.digit_images import read_digit
from mt_models.problems import LENGTH, Digits, Sentiment, image_batch
from mt_models.recipes import DigitsRecipe, SentimentRecipe, recipe_of
from mt_models.training import BEST, LAST
from mt_nn import Checkpoint, load_checkpoint


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a network says.

    Attributes:
        classes: What could have been said.
        probabilities: (classes,), how sure the network is of each.
        unknown: Words that the network knows no vector for.
    """

    classes: tuple[str, ...]
    probabilities: npt.NDArray[np.floating]
    unknown: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """The most probable class."""
        return self.classes[int(self.probabilities.argmax())]


def find_checkpoint(path: str | PathLike[str]) -> Path:
    """Return a checkpoint's path, given itself or its run's folder: the best epoch's there.

    Raises:
        FileNotFoundError: There is none.
    """
    place = Path(path)
    if place.is_dir():
        for name in (BEST, LAST):
            if (place / name).is_file():
                return place / name
        raise FileNotFoundError(f"{place} holds no checkpoint; train first, or name another folder")
    if not place.is_file():
        raise FileNotFoundError(f"{place} does not exist; give a checkpoint or a run's folder")
    return place


def predict(path: str | PathLike[str], question: str, backend: str | None = None) -> Prediction:
    """Ask the network of a checkpoint.

    Args:
        path: A checkpoint, or the folder of a run.
        question: For a digit reader the path of an image, for a sentence reader a sentence.
        backend: What computes, by name; what it was trained with unless given.

    Raises:
        FileNotFoundError: The checkpoint or the image does not exist.
        CheckpointError: The checkpoint is damaged, or no training run wrote it.
        ImageError: The image cannot be read.
        ValueError: The sentence is empty, or the network answers no questions (a run on points).
    """
    checkpoint = load_checkpoint(find_checkpoint(path))
    recipe = recipe_of(checkpoint)
    name = recipe.backend if backend is None else backend
    if isinstance(recipe, DigitsRecipe):
        return _digit(checkpoint, recipe, question, name)
    if isinstance(recipe, SentimentRecipe):
        return _sentence(checkpoint, recipe, question, name)
    raise ValueError(f"predict: a run of {recipe.problem} has nothing to be asked")


def _digit(checkpoint: Checkpoint, recipe: DigitsRecipe, path: str, name: str) -> Prediction:
    image = read_digit(path)
    backend = make_backend(name, recipe.dtype)
    network = recipe.build_network(backend)
    checkpoint.restore(network)
    network.eval()
    with no_grad():
        log_probabilities = network(image_batch(image[None], backend)).to_numpy()
    return Prediction(Digits.classes, np.exp(log_probabilities[0]))


def _sentence(checkpoint: Checkpoint, recipe: SentimentRecipe, text: str, name: str) -> Prediction:
    tokens = tokenise(text)
    if not tokens:
        raise ValueError("predict: the sentence is empty; give at least one word")
    vocabulary = Vocabulary(load_glove())
    network = recipe.build_network(vocabulary, make_backend(name, recipe.dtype))
    checkpoint.restore(network)
    network.eval()
    # A sentence may be longer than any that was learnt from; none of it is cut off here.
    length = max(LENGTH, len(vocabulary.rows(tokens)))
    with no_grad():
        positive = network(vocabulary.encode([tokens], length)).sigmoid().item()
    unknown = tuple(token for token in tokens.split() if vocabulary.coverage([token]) == 0)
    return Prediction(Sentiment.classes, np.array([1 - positive, positive]), unknown)
