"""Prediction with a trained network."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mt_autodiff import no_grad
from mt_models.backends import make_backend
from mt_models.datasets import Vocabulary, load_glove, read_digit, tokenise
from mt_models.problems import LENGTH, Digits, Sentiment, image_batch
from mt_models.recipes import DigitsRecipe, SentimentRecipe, recipe_of
from mt_models.training import BEST, LAST
from mt_nn import Checkpoint, load_checkpoint


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The prediction of a network.

    Attributes:
        classes: The names of the classes.
        probabilities: The probability of each class, (classes,).
        unknown: The words without a vector.
    """

    classes: tuple[str, ...]
    probabilities: npt.NDArray[np.floating]
    unknown: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """The most probable class."""
        return self.classes[int(self.probabilities.argmax())]


def find_checkpoint(path: str | PathLike[str]) -> Path:
    """Return the path of a checkpoint; in a run's folder that of the best epoch.

    Raises:
        FileNotFoundError: There is no checkpoint.
    """
    place = Path(path)
    if place.is_dir():
        for name in (BEST, LAST):
            if (place / name).is_file():
                return place / name
        raise FileNotFoundError(
            f"{place} contains no checkpoint; train first, or pass another folder"
        )
    if not place.is_file():
        raise FileNotFoundError(f"{place} does not exist; pass a checkpoint or a run's folder")
    return place


def predict(path: str | PathLike[str], question: str, backend: str | None = None) -> Prediction:
    """Run the network of a checkpoint.

    Args:
        path: A checkpoint, or the folder of a run.
        question: The path of an image for a run of mnist, a sentence for a run of sentiment.
        backend: The name of the backend, by default that of the training run.

    Raises:
        FileNotFoundError: The checkpoint or the image does not exist.
        CheckpointError: The checkpoint is damaged, or it is not that of a training run.
        ImageError: The image cannot be read.
        ValueError: The sentence is empty, or the run is one of points.
    """
    checkpoint = load_checkpoint(find_checkpoint(path))
    recipe = recipe_of(checkpoint)
    name = recipe.backend if backend is None else backend
    if isinstance(recipe, DigitsRecipe):
        return _digit(checkpoint, recipe, question, name)
    if isinstance(recipe, SentimentRecipe):
        return _sentence(checkpoint, recipe, question, name)
    raise ValueError(
        f"predict: runs of {recipe.problem} are not supported; use a run of mnist or sentiment"
    )


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
        raise ValueError("predict: the sentence is empty; pass at least one word")
    vocabulary = Vocabulary(load_glove())
    network = recipe.build_network(vocabulary, make_backend(name, recipe.dtype))
    checkpoint.restore(network)
    network.eval()
    # Not truncated: the sentence may be longer than those of the training set.
    length = max(LENGTH, len(vocabulary.rows(tokens)))
    with no_grad():
        positive = network(vocabulary.encode([tokens], length)).sigmoid().item()
    unknown = tuple(token for token in tokens.split() if vocabulary.coverage([token]) == 0)
    return Prediction(Sentiment.classes, np.array([1 - positive, positive]), unknown)
