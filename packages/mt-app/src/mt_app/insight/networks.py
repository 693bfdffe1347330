"""Networks for predictions: those of the package and those of training runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from mt_app.insight.computing import COMPUTING
from mt_models.datasets import Vocabulary, load_glove
from mt_models.networks import CourseLeNet, KimCNN, LeNet5
from mt_models.prediction import find_checkpoint
from mt_models.recipes import DigitsRecipe, Recipe, SentimentRecipe, classes_of, recipe_of
from mt_nn import Checkpoint, Module, load_checkpoint
from mt_tensor import Backend

PRETRAINED = Path(__file__).parents[1] / "pretrained"
"""The folder of pretrained networks; its README describes their training."""
PRETRAINED_DIGITS = PRETRAINED / "digits.safetensors"
PRETRAINED_SENTENCES = PRETRAINED / "sentiment.safetensors"
PRETRAINED_POINTS = PRETRAINED / "points.safetensors"

Network = TypeVar("Network", bound=Module)
TrainedRecipe = TypeVar("TrainedRecipe", bound=Recipe)


@dataclass(frozen=True, slots=True, eq=False)
class Reader(Generic[Network, TrainedRecipe]):
    """A trained network in evaluation mode.

    Attributes:
        network: The network.
        recipe: The recipe of its training run.
        backend: Its backend.
        accuracy: Its validation accuracy, from the records of its run.
        classes: The names of its classes.
    """

    network: Network
    recipe: TrainedRecipe
    backend: Backend
    accuracy: float
    classes: tuple[str, ...]


DigitReader = Reader[CourseLeNet | LeNet5, DigitsRecipe]


@dataclass(frozen=True, slots=True, eq=False)
class SentenceReader(Reader[KimCNN, SentimentRecipe]):
    """A trained network that classifies sentences.

    Attributes:
        vocabulary: Its vocabulary.
        words: The word of each row of the vocabulary; the first two rows have none.
    """

    vocabulary: Vocabulary
    words: tuple[str, ...]


def load_digit_reader(source: Path) -> DigitReader:
    """Load the network of a checkpoint or of a run.

    Raises:
        FileNotFoundError: There is no checkpoint.
        CheckpointError: The checkpoint is damaged, or it is not that of a training run.
        ValueError: The network does not classify digits.
    """
    checkpoint, recipe = _load(source, DigitsRecipe, "digits")
    classes = classes_of(checkpoint)
    with COMPUTING:
        backend = recipe.make_backend()
        network = recipe.build_network(backend, len(classes))
        checkpoint.restore(network)
        network.eval()
    assert isinstance(network, CourseLeNet | LeNet5)
    return Reader(network, recipe, backend, _accuracy(checkpoint.meta), classes)


def load_sentence_reader(source: Path) -> SentenceReader:
    """Load the network and the vocabulary of a checkpoint or of a run.

    Raises:
        FileNotFoundError: There is no checkpoint.
        CheckpointError: The checkpoint is damaged, or it is not that of a training run.
        ValueError: The network does not classify sentences, or it has more than two classes.
    """
    checkpoint, recipe = _load(source, SentimentRecipe, "sentences")
    classes = classes_of(checkpoint)
    if len(classes) != 2:
        raise ValueError(
            f"{source} has the {len(classes)} classes {', '.join(classes)}; this page explains "
            "networks of two classes. `predict` on the command line accepts all"
        )
    glove = load_glove()
    vocabulary = Vocabulary(glove)
    # A checkpoint may lack word vectors that were not trained.
    checkpoint.model.setdefault("embedding.weight", vocabulary.vectors)
    with COMPUTING:
        backend = recipe.make_backend()
        network = recipe.build_network(vocabulary, backend)
        checkpoint.restore(network)
        network.eval()
    words = ("", "", *glove.words)
    accuracy = _accuracy(checkpoint.meta)
    return SentenceReader(network, recipe, backend, accuracy, classes, vocabulary, words)


def _load(source: Path, kind: type[TrainedRecipe], reads: str) -> tuple[Checkpoint, TrainedRecipe]:
    checkpoint = load_checkpoint(find_checkpoint(source))
    recipe = recipe_of(checkpoint)
    if not isinstance(recipe, kind):
        raise ValueError(
            f"{source} contains a network for {recipe.problem}; choose one that reads {reads}"
        )
    return checkpoint, recipe


def _accuracy(meta: dict[str, object]) -> float:
    """Return the validation accuracy of the epoch that wrote the checkpoint."""
    progress = meta["progress"]
    assert isinstance(progress, dict)
    record = progress["records"][-1] if progress["records"] else None
    if record is None or not record["validation_total"]:
        return float("nan")
    return float(record["validation_right"] / record["validation_total"])
