"""Prediction with a trained network, and its evaluation on other data."""

import math
import os.path
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mt_autodiff import from_numpy, no_grad
from mt_models.datasets import (
    DataError,
    Mnist,
    Sentences,
    Sst2,
    Vocabulary,
    load_glove,
    load_plain_text,
    load_test_images,
    load_test_texts,
    read_digit,
    tokenise,
)
from mt_models.generation import next_probabilities
from mt_models.networks import answering
from mt_models.prediction.likeness import unlike_digit
from mt_models.prediction.texts import LanguageModel, language_model
from mt_models.problems import (
    LENGTH,
    Evaluation,
    Problem,
    evaluate_sequences,
    image_batch,
    probabilities,
    sequences,
)
from mt_models.recipes import (
    DigitsRecipe,
    PointsRecipe,
    Recipe,
    SentimentRecipe,
    TextRecipe,
    classes_of,
    recipe_of,
)
from mt_models.training import BEST, LAST
from mt_nn import Checkpoint, load_checkpoint

KINDS = {
    "mnist": "pictures; pass the path of an image, or use a run of sentiment for a sentence",
    "sentiment": "sentences; pass one in quotation marks, or use a run of mnist for a picture",
    "points": "points; pass two coordinates such as 0.2,0.8",
    "text": "the beginnings of texts; pass one in quotation marks",
}
"""The inputs of the networks of each problem, for errors."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The prediction of a network.

    Attributes:
        classes: The names of the classes.
        probabilities: The probability of each class, (classes,).
        unknown: The words without a vector.
        doubt: The reason why the picture does not look like one digit; empty if it does.
    """

    classes: tuple[str, ...]
    probabilities: npt.NDArray[np.floating]
    unknown: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def answer(self) -> str:
        """The most probable class."""
        return self.classes[int(self.probabilities.argmax())]

    def top(self, count: int) -> list[tuple[str, float]]:
        """Return the most probable classes with their probabilities, the first first."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.classes[i], float(self.probabilities[i])) for i in order]


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


class Predictor(ABC):
    """A trained network that is loaded once and answers many questions.

    Attributes:
        path: The path of its checkpoint.
        classes: The names of its classes.
    """

    path: Path
    classes: tuple[str, ...]

    @abstractmethod
    def __call__(self, question: str) -> Prediction:
        """Run the network.

        Raises:
            FileNotFoundError: The image does not exist.
            ImageError: The image cannot be read.
            ValueError: The question is of another kind than the network's inputs, or it has no
                word that the network knows.
        """

    def other_kind(self, question: str, problem: str) -> ValueError:
        """Return the error for an input of another kind."""
        return ValueError(
            f"{question} is an input of another kind; {self.path} classifies {KINDS[problem]}"
        )


class _DigitPredictor(Predictor):
    def __init__(self, checkpoint: Checkpoint, recipe: DigitsRecipe) -> None:
        self.path, self.classes = checkpoint.path, classes_of(checkpoint)
        self.backend = recipe.make_backend()
        self.network = recipe.build_network(self.backend, len(self.classes))
        self.answer = answering(self.network)
        self.knows_digits = self.classes == DigitsRecipe.classes and recipe.data is None
        checkpoint.restore(self.network)
        self.network.eval()

    def __call__(self, question: str) -> Prediction:
        if not os.path.exists(question):  # noqa: PTH110 - Path.exists raises for a long sentence.
            raise FileNotFoundError(
                f"{question} does not exist; {self.path} classifies {KINDS['mnist']}"
            )
        image = read_digit(question)
        log_probabilities = self.answer(image_batch(image[None], self.backend))
        # Other classes than digits have other shapes.
        doubt = unlike_digit(image) if self.knows_digits else ""
        return Prediction(self.classes, np.exp(log_probabilities[0]), doubt=doubt)


class _SentencePredictor(Predictor):
    def __init__(self, checkpoint: Checkpoint, recipe: SentimentRecipe) -> None:
        self.path, self.classes = checkpoint.path, classes_of(checkpoint)
        self.vocabulary = Vocabulary(load_glove())
        self.backend = recipe.make_backend()
        self.network = recipe.build_network(self.vocabulary, self.backend, len(self.classes))
        self.answer = answering(self.network)
        _add_vectors(checkpoint, self.vocabulary)
        checkpoint.restore(self.network)
        self.network.eval()

    def __call__(self, question: str) -> Prediction:
        if os.path.isfile(question):  # noqa: PTH113 - Path.is_file raises for a long sentence.
            raise self.other_kind(question, "sentiment")
        tokens = tokenise(question)
        if not tokens:
            raise ValueError("predict: the sentence is empty; pass at least one word")
        words = tokens.split()
        unknown = tuple(word for word in words if self.vocabulary.coverage([word]) == 0)
        if not any(
            character.isalnum() for word in words if word not in unknown for character in word
        ):
            raise ValueError(
                f"predict: {question!r} has no word that the network knows, so there is no answer; "
                "use English words, as reviews of films have them"
            )
        # Not truncated: the sentence may be longer than those of the training set.
        length = max(LENGTH, len(self.vocabulary.rows(tokens)))
        encoded = self.vocabulary.encode([tokens], length)
        with no_grad():
            # Long sentences have many lengths; each would be captured.
            logits = (
                from_numpy(self.answer(encoded), self.backend)
                if length == LENGTH
                else self.network(encoded)
            )
            of_classes = probabilities(logits)[0]
        return Prediction(self.classes, of_classes, unknown)


class _PointPredictor(Predictor):
    def __init__(self, checkpoint: Checkpoint, recipe: PointsRecipe) -> None:
        self.path, self.classes = checkpoint.path, classes_of(checkpoint)
        self.problem = recipe.build()
        checkpoint.restore(self.problem.network)

    def __call__(self, question: str) -> Prediction:
        try:
            x, y = (float(number) for number in question.replace(",", " ").split())
        except ValueError:
            raise self.other_kind(question, "points") from None
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError(
                f"predict: the point {question} is not finite; pass two numbers such as 0.2,0.8"
            )
        return Prediction(self.classes, self.problem.probabilities(np.array([[x, y]]))[0])


class TextPredictor(Predictor):
    """The probabilities of the token after a text."""

    def __init__(self, model: LanguageModel) -> None:
        self.path, self.model = model.path, model
        self.classes = model.tokenizer.tokens

    def __call__(self, question: str) -> Prediction:
        """Return the probability of each token after a text.

        Raises:
            ValueError: The text is empty, or it has characters that the network does not know.
        """
        if not question:
            raise ValueError("predict: the text is empty; pass at least one character")
        ids = self.model.tokenizer.encode(question)[-self.model.network.context :]
        with no_grad():
            logits = self.model.network.next_logits(ids[None]).to_numpy()[0]
        return Prediction(self.classes, next_probabilities(logits))


def load_predictor(path: str | PathLike[str], backend: str | None = None) -> Predictor:
    """Load the network of a checkpoint once, for many predictions.

    Args:
        path: A checkpoint, or the folder of a run.
        backend: The name of the backend, by default that of the training run.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        CheckpointError: The checkpoint is damaged, or not from a training run.
    """
    checkpoint, recipe = _load(path, backend)
    if isinstance(recipe, DigitsRecipe):
        return _DigitPredictor(checkpoint, recipe)
    if isinstance(recipe, SentimentRecipe):
        return _SentencePredictor(checkpoint, recipe)
    if isinstance(recipe, TextRecipe):
        return TextPredictor(language_model(checkpoint, recipe))
    assert isinstance(recipe, PointsRecipe)
    return _PointPredictor(checkpoint, recipe)


def load_language_model(path: str | PathLike[str], backend: str | None = None) -> LanguageModel:
    """Load the language model of a checkpoint, to continue texts with `mt_models.generation`.

    Args:
        path: A checkpoint, or the folder of a run.
        backend: The name of the backend, by default that of the training run.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        CheckpointError: The checkpoint is damaged, or not from a training run.
        ValueError: It is one of another problem.
    """
    checkpoint, recipe = _load(path, backend)
    if not isinstance(recipe, TextRecipe):
        raise ValueError(
            f"{checkpoint.path} is the network of a run of {recipe.problem}, which continues no "
            "text; train one with `train text`"
        )
    return language_model(checkpoint, recipe)


def predict(path: str | PathLike[str], question: str, backend: str | None = None) -> Prediction:
    """Run the network of a checkpoint on one input; `load_predictor` serves for many.

    Args:
        path: A checkpoint, or the folder of a run.
        question: The path of an image for a run of mnist, a sentence for a run of sentiment, two
            coordinates such as ``0.2,0.8`` for a run of points, the beginning of a text for a run
            of text, whose classes are the next tokens.
        backend: The name of the backend, by default that of the training run.

    Raises:
        FileNotFoundError: The checkpoint or the image does not exist.
        CheckpointError: The checkpoint is damaged, or not from a training run.
        ImageError: The image cannot be read.
        ValueError: The sentence is empty or has no known word, or the question is of another kind
            than the network's inputs.
    """
    return load_predictor(path, backend)(question)


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
            `load_test_texts`; for a run of text, a text file.
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
        ValueError: The run is one of points, columns are given for pictures, or a text has
            characters that the network does not know.
    """
    checkpoint, recipe = _load(path, backend)
    if isinstance(recipe, TextRecipe):
        return _on_text(language_model(checkpoint, recipe), data)
    if not isinstance(recipe, DigitsRecipe | SentimentRecipe):
        raise ValueError(
            f"evaluate: runs of {recipe.problem} are not supported; use a run of mnist, sentiment "
            "or text"
        )
    try:
        problem, trained = _problem_on(checkpoint, recipe, data, text_column, label_column)
    except DataError as error:
        # The data may be of the other kind.
        text = str(error).rstrip(".")
        raise type(error)(
            f"{text}. The run in {path} is one of {recipe.problem}, which classifies "
            f"{KINDS[recipe.problem].partition(';')[0]}"
        ) from error
    if trained and recipe.data is not None and Path(recipe.data).resolve() == Path(data).resolve():
        problem.notes += (
            "the network was trained on a part of these data, so the accuracy on new data is lower",
        )
    checkpoint.restore(problem.network)
    return problem.evaluate(problem.validation)


def _problem_on(
    checkpoint: Checkpoint,
    recipe: DigitsRecipe | SentimentRecipe,
    data: str | PathLike[str],
    text_column: str | None,
    label_column: str | None,
) -> tuple[Problem, bool]:
    """Return a problem that validates on data, and whether these may be training data, too."""
    classes = classes_of(checkpoint)
    if isinstance(recipe, DigitsRecipe):
        if text_column is not None or label_column is not None:
            raise ValueError(
                "evaluate: columns are only for the texts of a CSV file; leave them out, the "
                "labels of pictures are the names of their folders"
            )
        images = load_test_images(data, classes)
        folders = {file.parent.parent for file in images.files[:1]}
        none = images.images[:0], images.labels[:0]
        problem = recipe.build_on(Mnist(*none, images.images, images.labels, classes))
        return problem, bool(folders & {Path(data), Path(data) / "train"})
    texts = load_test_texts(
        data,
        classes,
        text_column=text_column or recipe.text_column,
        label_column=label_column or recipe.label_column,
    )
    empty = Sentences((), texts.labels[:0])
    sentiment = recipe.build_on(Sst2(empty, texts, empty, classes))
    _add_vectors(checkpoint, sentiment.vocabulary)
    return sentiment, Path(data).is_file()


def _on_text(model: LanguageModel, data: str | PathLike[str]) -> Evaluation:
    """Evaluate a language model on a text file."""
    ids = model.tokenizer.encode(load_plain_text(data))
    if len(ids) < 2:
        raise ValueError(
            f"evaluate: {data} has {len(ids)} token; a prediction needs at least 2: pass a longer "
            "text"
        )
    examples = sequences(ids, model.network.context)
    return evaluate_sequences(model.network, examples, model.tokenizer.tokens)


def _load(path: str | PathLike[str], backend: str | None) -> tuple[Checkpoint, Recipe]:
    """Return a checkpoint and the recipe of its network, with another backend if one is given."""
    checkpoint = load_checkpoint(find_checkpoint(path))
    recipe = recipe_of(checkpoint)
    if isinstance(recipe, DigitsRecipe | SentimentRecipe):
        recipe = replace(recipe, train_size=None, validation_size=None)
    return checkpoint, replace(recipe, backend=backend or recipe.backend)


def _add_vectors(checkpoint: Checkpoint, vocabulary: Vocabulary) -> None:
    """Add the word vectors to a checkpoint that lacks them because they were not trained."""
    checkpoint.model.setdefault("embedding.weight", vocabulary.vectors)
