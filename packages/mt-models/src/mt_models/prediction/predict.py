"""Prediction with a trained network, and its evaluation on other data."""

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mt_autodiff import no_grad
from mt_models.datasets import (
    Mnist,
    Sentences,
    Sst2,
    Vocabulary,
    load_glove,
    load_test_images,
    load_test_texts,
    read_digit,
    tokenise,
)
from mt_models.problems import LENGTH, Evaluation, Problem, image_batch, probabilities
from mt_models.recipes import DigitsRecipe, Recipe, SentimentRecipe, classes_of, recipe_of
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
        CheckpointError: The checkpoint is damaged, or not from a training run.
        ImageError: The image cannot be read.
        ValueError: The sentence is empty, or the run is of the problem `points`.
    """
    checkpoint, recipe = _load(path, backend)
    if isinstance(recipe, DigitsRecipe):
        return _digit(checkpoint, recipe, question)
    if isinstance(recipe, SentimentRecipe):
        return _sentence(checkpoint, recipe, question)
    raise _not_supported("predict", recipe)


def evaluate(
    path: str | PathLike[str],
    data: str | PathLike[str],
    backend: str | None = None,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
) -> Evaluation:
    """Evaluate the network of a checkpoint on other data. The training data are not needed.

    Args:
        path: A checkpoint, or the folder of a run.
        data: For a run of mnist, a folder of pictures by class or of IDX files, see
            `load_test_images`; for a run of sentiment, a CSV file or a folder of such files, see
            `load_test_texts`.
        backend: The name of the backend, by default that of the training run.
        text_column: The column of texts of a CSV file, by default that of the training run, or
            else the one with a usual name.
        label_column: The column of its labels.

    Returns:
        Loss, probabilities, labels and the names of the classes. The examples are in the order of
        the data.

    Raises:
        FileNotFoundError: The checkpoint or the data do not exist.
        CheckpointError: The checkpoint is damaged, or it is not that of a training run.
        DataError: The data cannot be read, or the network does not have one of their classes.
        ValueError: The run is one of points, or columns are given for pictures.
    """
    checkpoint, recipe = _load(path, backend)
    classes = classes_of(checkpoint)
    problem: Problem
    if isinstance(recipe, DigitsRecipe):
        if text_column is not None or label_column is not None:
            raise ValueError(
                "evaluate: columns are only for the texts of a CSV file; leave them out, the "
                "labels of pictures are the names of their folders"
            )
        images = load_test_images(data, classes)
        folders = {file.parent.parent for file in images.files[:1]}
        trained = bool(folders & {Path(data), Path(data) / "train"})
        none = images.images[:0], images.labels[:0]
        problem = recipe.build_on(Mnist(*none, images.images, images.labels, classes))
    elif isinstance(recipe, SentimentRecipe):
        texts = load_test_texts(
            data,
            classes,
            text_column=text_column or recipe.text_column,
            label_column=label_column or recipe.label_column,
        )
        trained = Path(data).is_file()
        empty = Sentences((), texts.labels[:0])
        problem = recipe.build_on(Sst2(empty, texts, empty, classes))
        _add_vectors(checkpoint, problem.vocabulary)
    else:
        raise _not_supported("evaluate", recipe)
    if trained and recipe.data is not None and Path(recipe.data).resolve() == Path(data).resolve():
        problem.notes += (
            "the network was trained on a part of these data, so the accuracy on new data is lower",
        )
    checkpoint.restore(problem.network)
    return problem.evaluate(problem.validation)


def _load(path: str | PathLike[str], backend: str | None) -> tuple[Checkpoint, Recipe]:
    """Return a checkpoint and the recipe of its network, with another backend if one is given."""
    checkpoint = load_checkpoint(find_checkpoint(path))
    recipe = recipe_of(checkpoint)
    if isinstance(recipe, DigitsRecipe | SentimentRecipe):
        recipe = replace(recipe, train_size=None, validation_size=None)
    return checkpoint, replace(recipe, backend=backend or recipe.backend)


def _not_supported(function: str, recipe: Recipe) -> ValueError:
    return ValueError(
        f"{function}: runs of {recipe.problem} are not supported; use a run of mnist or sentiment"
    )


def _digit(checkpoint: Checkpoint, recipe: DigitsRecipe, path: str) -> Prediction:
    image = read_digit(path)
    backend = recipe.make_backend()
    classes = classes_of(checkpoint)
    network = recipe.build_network(backend, len(classes))
    checkpoint.restore(network)
    network.eval()
    with no_grad():
        log_probabilities = network(image_batch(image[None], backend)).to_numpy()
    return Prediction(classes, np.exp(log_probabilities[0]))


def _sentence(checkpoint: Checkpoint, recipe: SentimentRecipe, text: str) -> Prediction:
    tokens = tokenise(text)
    if not tokens:
        raise ValueError("predict: the sentence is empty; pass at least one word")
    vocabulary = Vocabulary(load_glove())
    classes = classes_of(checkpoint)
    network = recipe.build_network(vocabulary, recipe.make_backend(), len(classes))
    _add_vectors(checkpoint, vocabulary)
    checkpoint.restore(network)
    network.eval()
    # Not truncated: the sentence may be longer than those of the training set.
    length = max(LENGTH, len(vocabulary.rows(tokens)))
    with no_grad():
        of_classes = probabilities(network(vocabulary.encode([tokens], length)))[0]
    unknown = tuple(token for token in tokens.split() if vocabulary.coverage([token]) == 0)
    return Prediction(classes, of_classes, unknown)


def _add_vectors(checkpoint: Checkpoint, vocabulary: Vocabulary) -> None:
    """Add the word vectors to a checkpoint that lacks them because they were not trained."""
    checkpoint.model.setdefault("embedding.weight", vocabulary.vectors)
