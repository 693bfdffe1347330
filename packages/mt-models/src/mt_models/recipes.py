"""Recipes: the options of a training run, from which its problem is built.

A checkpoint contains the recipe of its run. An equal recipe builds an equal problem, to resume the
run or to predict with its network.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal

import numpy as np

from mt_models.backends import Dtype, make_backend
from mt_models.datasets import (
    Mnist,
    Sst2,
    TrainingSet,
    Vocabulary,
    load_glove,
    load_images,
    load_plain_text,
    load_sst2_from_hub,
    load_texts,
    split_text,
)
from mt_models.networks import GPT, KimCNN, Preset
from mt_models.problems import (
    NETWORKS,
    DigitNetwork,
    Digits,
    Metric,
    Points,
    Problem,
    Sentiment,
    Text,
)
from mt_models.tokenizers import TokenizerName, make_tokenizer
from mt_models.training import Settings
from mt_nn import (
    SGD,
    Adam,
    AdamW,
    Checkpoint,
    CheckpointError,
    ConstantRate,
    CosineDecay,
    LinearWarmup,
    Module,
    Optimizer,
    Parameter,
    Schedule,
    decay_groups,
)
from mt_tensor import Backend

OptimizerName = Literal["sgd", "adam", "adamw"]
ScheduleName = Literal["constant", "cosine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(ABC):
    """The options of all problems.

    Attributes:
        backend: The name of the backend.
        dtype: The name of its dtype.
        optimizer: "sgd", "adam" or "adamw".
        lr: The learning rate.
        weight_decay: The coefficient of the L2 penalty; of the decoupled decay with "adamw".
        schedule: The learning-rate schedule: constant, or cosine decay to zero.
        seed: The seed of weights, dropout and the order of the examples.
    """

    problem: ClassVar[str]
    classes: ClassVar[tuple[str, ...]]
    """The names of the classes of the embedded data; own data have classes of their own."""
    metric: ClassVar[Metric] = "accuracy"
    """The validation metric by which epochs are compared."""

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
        kinds: dict[OptimizerName, type[SGD | Adam]]
        kinds = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
        return kinds[self.optimizer](parameters, lr=self.lr, weight_decay=self.weight_decay)

    def make_schedule(self, steps: int) -> Schedule:
        """Return the learning-rate schedule of a run with a number of steps."""
        return ConstantRate(self.lr) if self.schedule == "constant" else CosineDecay(self.lr, steps)

    @property
    def kernels(self) -> int | None:
        """The number of kernels that a run compiles on the backend "tuned".

        None if it is not known. The numbers are counted, and a test counts them again.
        """
        return None

    def header(self, problem: Problem, settings: Settings) -> tuple[str, ...]:
        """Return the lines that describe a run, for its log."""
        own = {field.name for field in fields(self)} - {field.name for field in fields(Recipe)}
        # The numbers of examples are in the second line.
        own -= {"train_size", "validation_size", "epoch_size"}
        choices = [
            name.replace("_", " ") + ("" if value is True else f" {value}")
            for name, value in self.to_json().items()
            if name in own and value is not None and value is not False
        ]
        count = f"{settings.epochs} epoch{'s' if settings.epochs > 1 else ''}"
        patience = "" if settings.patience is None else f", patience {settings.patience}"
        clip = "" if settings.clip is None else f", gradients clipped at {settings.clip:g}"
        return (
            f"{self.problem}: {', '.join(choices)}",
            f"batch size {settings.batch_size}, {problem.sizes}",
            f"{count}{patience}, {self.optimizer} with learning rate {self.lr:g} "
            f"({self.schedule}), weight decay {self.weight_decay:g}{clip}, seed {self.seed}",
            *self._machine(),
            *problem.notes,
        )

    def _machine(self) -> tuple[str, ...]:
        """Return the line of the log's head for the backend."""
        return (f"backend {self.backend}, {self.dtype}",)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, from which `recipe_from_json` makes an equal recipe."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsRecipe(Recipe):
    """The options of digit classification.

    Attributes:
        network: The name of the network.
        data: A folder of pictures by class, or of IDX files; None for the embedded MNIST.
        train_size: The number of training images, from the first; None for all.
        validation_size: The number of test images, from the first; None for all.
    """

    problem: ClassVar[str] = Digits.name
    classes: ClassVar[tuple[str, ...]] = Digits.classes

    network: DigitNetwork = "course"
    data: str | None = None
    train_size: int | None = None
    validation_size: int | None = None

    @property
    def kernels(self) -> int | None:
        """The number of kernels of a run; see `Recipe.kernels`."""
        return {"course": 16, "lenet5": 14}[self.network] if self.backend == "tuned" else None

    def build(self) -> Digits:
        """Load the images and build the network."""
        return self.build_on(load_images(self.data))

    def build_on(self, images: Mnist) -> Digits:
        """Build the problem with images that are loaded already."""
        return Digits(
            images,
            self.make_backend(),
            network=self.network,
            seed=self.seed,
            train_size=self.train_size,
            validation_size=self.validation_size,
        )

    def build_network(self, backend: Backend, classes: int = 10) -> Module:
        """Build the network without data, to restore a checkpoint."""
        return NETWORKS[self.network](np.random.default_rng(self.seed), backend, classes=classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentRecipe(Recipe):
    """The options of sentiment classification.

    Attributes:
        preset: The preset of `KimCNN`.
        trainable: True trains the word vectors.
        train_set: "sentences", or "phrases" for all phrases of the sentences.
        data: A CSV file, or a folder of CSV or TSV files; None for the embedded SST-2.
        hub: A data set of the hub, or a folder, read with Hugging Face `datasets`.
        train_size: The number of training sentences, from the first; None for all.
        validation_size: The number of development sentences, from the first; None for all.
        text_column: The column of texts of CSV files; None for the usual names.
        label_column: The column of labels of CSV files; None for the usual names.
    """

    problem: ClassVar[str] = Sentiment.name
    classes: ClassVar[tuple[str, ...]] = Sentiment.classes

    preset: Preset = "course"
    trainable: bool = False
    train_set: TrainingSet = "sentences"
    data: str | None = None
    hub: str | None = None
    train_size: int | None = None
    validation_size: int | None = None
    text_column: str | None = None
    label_column: str | None = None

    @property
    def kernels(self) -> int | None:
        """The number of kernels of a run; see `Recipe.kernels`."""
        return (16 if self.trainable else 13) if self.backend == "tuned" else None

    def build(self) -> Sentiment:
        """Load sentences and word vectors and build the network."""
        return self.build_on(self._sst2())

    def build_on(self, sentences: Sst2) -> Sentiment:
        """Build the problem with sentences that are loaded already."""
        return Sentiment(
            sentences,
            Vocabulary(load_glove()),
            self.make_backend(),
            preset=self.preset,
            trainable=self.trainable,
            seed=self.seed,
            train_size=self.train_size,
            validation_size=self.validation_size,
        )

    def build_network(self, vocabulary: Vocabulary, backend: Backend, classes: int = 2) -> KimCNN:
        """Build the network without data, to restore a checkpoint."""
        return KimCNN(
            vocabulary.vectors,
            np.random.default_rng(self.seed),
            backend,
            preset=self.preset,
            trainable=self.trainable,
            classes=classes,
        )

    def _sst2(self) -> Sst2:
        if self.hub is not None:
            return load_sst2_from_hub(self.hub)
        return load_texts(
            self.data,
            train=self.train_set,
            text_column=self.text_column,
            label_column=self.label_column,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsRecipe(Recipe):
    """The options of the classification of points.

    Attributes:
        dataset: The name of a set of points.
        model: The kind of network: on scalars, or on tensors.
        n: The number of points.
        hidden: The number of units in each hidden layer.
    """

    problem: ClassVar[str] = Points.name
    classes: ClassVar[tuple[str, ...]] = Points.classes

    dataset: str = "Xor"
    model: Literal["scalar", "tensor"] = "tensor"
    n: int = 50
    hidden: int = 10

    @property
    def kernels(self) -> int | None:
        """The number of kernels of a run; see `Recipe.kernels`."""
        return 9 if self.backend == "tuned" and self.model == "tensor" else None

    def _machine(self) -> tuple[str, ...]:
        """Return no line for a network of scalars, which uses no backend."""
        return () if self.model == "scalar" else Recipe._machine(self)

    def build(self) -> Points:
        """Draw the points and build the network."""
        backend = None if self.model == "scalar" else self.make_backend()
        return Points(self.dataset, backend, n=self.n, hidden=self.hidden, seed=self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRecipe(Recipe):
    """The options of language models; the defaults are nanoGPT's for characters on a CPU.

    Attributes:
        data: A text file in UTF-8; None for tiny Shakespeare.
        tokenizer: "characters", or "bpe" for byte-pair encoding.
        vocabulary: The largest number of tokens of byte-pair encoding; None means 512.
        width: The length of the vector of a token.
        heads: The number of heads of each attention.
        layers: The number of transformer blocks.
        context: The number of tokens of a sequence.
        dropout: The probability of dropout.
        bias: True gives linear maps and normalisations a bias.
        epoch_size: The number of random sequences of an epoch.
        warmup: The number of steps in which the learning rate rises.
    """

    problem: ClassVar[str] = Text.name
    classes: ClassVar[tuple[str, ...]] = ()
    metric: ClassVar[Metric] = Text.metric

    optimizer: OptimizerName = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.1
    schedule: ScheduleName = "cosine"
    data: str | None = None
    tokenizer: TokenizerName = "characters"
    vocabulary: int | None = None
    width: int = 128
    heads: int = 4
    layers: int = 4
    context: int = 64
    dropout: float = 0.0
    bias: bool = False
    epoch_size: int = 3000
    warmup: int = 100

    @property
    def kernels(self) -> int | None:
        """The number of kernels of a run; see `Recipe.kernels`."""
        return 30 if self.backend == "tuned" and not (self.dropout or self.bias) else None

    def build(self) -> Text:
        """Read the text, make its tokenizer and build the network."""
        texts = split_text(load_plain_text(self.data))
        # The characters of the whole text, so that the validation text has no unknown ones.
        known = "".join(texts) if self.tokenizer == "characters" else texts[0]
        tokenizer = make_tokenizer(self.tokenizer, known, self.vocabulary)
        rng = np.random.default_rng(self.seed)
        network = self.build_network(len(tokenizer), rng)
        return Text(texts, tokenizer, network, rng, epoch_size=self.epoch_size)

    def build_network(self, tokens: int, rng: np.random.Generator | None = None) -> GPT:
        """Build the network for a number of tokens without data, to restore a checkpoint."""
        return GPT(
            tokens,
            width=self.width,
            heads=self.heads,
            layers=self.layers,
            context=self.context,
            dropout=self.dropout,
            bias=self.bias,
            rng=self.seed if rng is None else rng,
            backend=self.make_backend(),
        )

    def make_optimizer(self, parameters: Sequence[Parameter]) -> Optimizer:
        """Return the optimiser, in which only matrices decay."""
        groups = decay_groups(parameters, self.weight_decay)
        if self.optimizer == "sgd":
            return SGD(groups, lr=self.lr)
        kind = Adam if self.optimizer == "adam" else AdamW
        return kind(groups, lr=self.lr, betas=BETAS)

    def make_schedule(self, steps: int) -> Schedule:
        """Return a warmup, then the constant rate or a cosine decay to a tenth of the rate."""
        if self.schedule == "constant":
            then: Schedule = ConstantRate(self.lr)
        else:
            then = CosineDecay(self.lr, max(1, steps - self.warmup), FINAL_SHARE * self.lr)
        return LinearWarmup(self.warmup, then) if self.warmup else then


BETAS = (0.9, 0.99)
"""The decay rates of Adam for language models (nanoGPT for characters)."""
FINAL_SHARE = 0.1
"""The last learning rate of language models, as a share of the first."""

RECIPES: dict[str, type[Recipe]] = {
    recipe.problem: recipe for recipe in (DigitsRecipe, SentimentRecipe, PointsRecipe, TextRecipe)
}


def recipe_of(checkpoint: Checkpoint) -> Recipe:
    """Return the recipe of the run that wrote a checkpoint.

    Raises:
        CheckpointError: It is not the checkpoint of a training run.
        ValueError: The problem does not exist, or the values are not a recipe.
    """
    meta = checkpoint.meta
    if not {"problem", "options", "settings", "progress"} <= set(meta):
        raise CheckpointError(
            checkpoint.path,
            "it contains a network, but not a run of the command `train`",
            "pass the folder of such a run",
        )
    return recipe_from_json(meta["problem"], meta["options"])


def classes_of(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the names of the classes of the run that wrote a checkpoint.

    Raises:
        CheckpointError, ValueError: As for `recipe_of`.
    """
    recipe = recipe_of(checkpoint)
    # Runs on the embedded data before own data were possible have no names.
    return tuple(checkpoint.meta.get("classes", recipe.classes))


def recipe_from_json(problem: str, values: Mapping[str, Any]) -> Recipe:
    """Make a recipe from a result of `Recipe.to_json`.

    Raises:
        ValueError: The problem does not exist, or the values are not a recipe.
    """
    if problem not in RECIPES:
        raise ValueError(f"problem {problem!r} does not exist; allowed: {', '.join(RECIPES)}")
    try:
        return RECIPES[problem](**values)
    except TypeError as error:
        raise ValueError(f"the values are not a recipe of {problem}: {error}") from error
