"""What a user can ask to be trained: plain values, and how to build the problem from them.

A recipe is all that a checkpoint needs besides numbers: the same recipe builds the same problem
again, to resume a run or to predict with its network.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from mt_models.backends import Dtype, make_backend
from mt_models.datasets import (
    Sst2,
    TrainingSet,
    Vocabulary,
    load_glove,
    load_mnist,
    load_sst2,
    load_sst2_from_hub,
)
from mt_models.networks import KimCNN, Preset
from mt_models.problems import NETWORKS, DigitNetwork, Digits, Points, Problem, Sentiment
from mt_models.training import Settings
from mt_nn import (
    SGD,
    Adam,
    Checkpoint,
    CheckpointError,
    ConstantRate,
    CosineDecay,
    Module,
    Optimizer,
    Parameter,
    Schedule,
)
from mt_tensor import Backend

OptimizerName = Literal["sgd", "adam"]
ScheduleName = Literal["constant", "cosine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(ABC):
    """What all problems have in common.

    Attributes:
        backend: What computes, by name.
        dtype: The type of its numbers.
        optimizer: Plain gradient descent or Adam.
        lr: The learning rate.
        weight_decay: How strongly weights are drawn towards zero.
        schedule: Whether the rate stays or falls to zero along half a cosine.
        seed: Of weights, dropout and the order of the examples.
    """

    problem: ClassVar[str]

    backend: str = "tuned"
    dtype: Dtype = "float32"
    optimizer: OptimizerName = "sgd"
    lr: float = 0.05
    weight_decay: float = 0.0
    schedule: ScheduleName = "constant"
    seed: int = 0

    @abstractmethod
    def build(self) -> Problem:
        """Load the data and build the network."""

    def make_backend(self) -> Backend:
        """Return the backend."""
        return make_backend(self.backend, self.dtype)

    def make_optimizer(self, parameters: Sequence[Parameter]) -> Optimizer:
        """Return the optimiser of a network's parameters."""
        kind = SGD if self.optimizer == "sgd" else Adam
        return kind(parameters, lr=self.lr, weight_decay=self.weight_decay)

    def make_schedule(self, steps: int) -> Schedule:
        """Return the learning rate of each of so many steps."""
        return ConstantRate(self.lr) if self.schedule == "constant" else CosineDecay(self.lr, steps)

    def header(self, problem: Problem, settings: Settings) -> tuple[str, str]:
        """Return the two lines that say what a run of it is, for its log."""
        return (
            f"{self.problem}: "
            + ", ".join(f"{name} {value}" for name, value in self.to_json().items()),
            f"batch size {settings.batch_size}, {len(problem.train):,} training and "
            f"{len(problem.validation):,} validation examples",
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values, from which `recipe_from_json` makes an equal recipe."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsRecipe(Recipe):
    """Reading digits.

    Attributes:
        network: Which LeNet.
        data: A folder of IDX files; the embedded MNIST if None.
        train_size: Learn from the first so many images; all if None.
        validation_size: Judge by the first so many test images; all if None.
    """

    problem: ClassVar[str] = Digits.name

    network: DigitNetwork = "course"
    data: str | None = None
    train_size: int | None = None
    validation_size: int | None = None

    def build(self) -> Digits:
        """Load the images and build the network."""
        return Digits(
            load_mnist(self.data),
            self.make_backend(),
            network=self.network,
            seed=self.seed,
            train_size=self.train_size,
            validation_size=self.validation_size,
        )

    def build_network(self, backend: Backend) -> Module:
        """Build the network alone, to be filled from a checkpoint."""
        return NETWORKS[self.network](np.random.default_rng(self.seed), backend)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentRecipe(Recipe):
    """Reading sentiment.

    Attributes:
        preset: How the network combines its responses.
        trainable: Whether the word vectors are learnt, too.
        train_set: The whole sentences, or all their phrases.
        data: A folder of TSV files; the embedded SST-2 if None.
        hub: A data set of the hub, or a folder, read with Hugging Face `datasets`.
        train_size: Learn from the first so many sentences; all if None.
        validation_size: Judge by the first so many development sentences; all if None.
    """

    problem: ClassVar[str] = Sentiment.name

    preset: Preset = "course"
    trainable: bool = False
    train_set: TrainingSet = "sentences"
    data: str | None = None
    hub: str | None = None
    train_size: int | None = None
    validation_size: int | None = None

    def build(self) -> Sentiment:
        """Load sentences and word vectors and build the network."""
        return Sentiment(
            self._sst2(),
            Vocabulary(load_glove()),
            self.make_backend(),
            preset=self.preset,
            trainable=self.trainable,
            seed=self.seed,
            train_size=self.train_size,
            validation_size=self.validation_size,
        )

    def build_network(self, vocabulary: Vocabulary, backend: Backend) -> KimCNN:
        """Build the network alone, to be filled from a checkpoint."""
        return KimCNN(
            vocabulary.vectors,
            np.random.default_rng(self.seed),
            backend,
            preset=self.preset,
            trainable=self.trainable,
        )

    def _sst2(self) -> Sst2:
        if self.hub is not None:
            return load_sst2_from_hub(self.hub)
        return load_sst2(self.data, train=self.train_set)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsRecipe(Recipe):
    """Telling points apart.

    Attributes:
        dataset: The name of a set of points.
        model: On single scalars, or on tensors.
        n: How many points.
        hidden: Units in each middle layer.
    """

    problem: ClassVar[str] = Points.name

    dataset: str = "Xor"
    model: Literal["scalar", "tensor"] = "tensor"
    n: int = 50
    hidden: int = 10

    def build(self) -> Points:
        """Draw the points and build the network."""
        backend = None if self.model == "scalar" else self.make_backend()
        return Points(self.dataset, backend, n=self.n, hidden=self.hidden, seed=self.seed)


RECIPES: dict[str, type[Recipe]] = {
    recipe.problem: recipe for recipe in (DigitsRecipe, SentimentRecipe, PointsRecipe)
}


def recipe_of(checkpoint: Checkpoint) -> Recipe:
    """Return the recipe of the run that wrote a checkpoint.

    Raises:
        CheckpointError: No training run wrote it.
        ValueError: It is of a problem that does not exist, or not of a recipe.
    """
    meta = checkpoint.meta
    if not {"problem", "options", "settings", "progress"} <= set(meta):
        raise CheckpointError(
            checkpoint.path,
            "it holds a network, but no run of the command `train`",
            "give the folder of such a run",
        )
    return recipe_from_json(meta["problem"], meta["options"])


def recipe_from_json(problem: str, values: Mapping[str, Any]) -> Recipe:
    """Make a recipe of what `Recipe.to_json` returned.

    Raises:
        ValueError: There is no such problem, or the values are not a recipe's.
    """
    if problem not in RECIPES:
        raise ValueError(f"problem {problem!r} does not exist; known: {', '.join(RECIPES)}")
    try:
        return RECIPES[problem](**values)
    except TypeError as error:
        raise ValueError(f"not a recipe of {problem}: {error}") from error
