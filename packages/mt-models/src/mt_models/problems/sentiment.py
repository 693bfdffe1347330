"""Sentence classification: SST-2 or own texts, and the sentence CNN."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor
from mt_models.datasets import Sentences, Sst2, Vocabulary
from mt_models.networks import KimCNN, Preset
from mt_models.problems.problem import Examples, Problem, first_examples
from mt_nn import binary_cross_entropy_with_logits, logsoftmax, nll_loss
from mt_tensor import Backend

LENGTH = 52
"""The length in tokens to which sentences are padded or truncated: that of the longest training
sentence of SST-2. A smaller value loses words, a larger one costs time."""
LONGEST = 400
"""The largest length in tokens to which longer own texts are padded or truncated."""


class Sentiment(Problem):
    """SST-2, the sentiment of sentences of film reviews; or other texts.

    Attributes:
        vocabulary: The words that have a vector.
        length: The length in tokens to which texts are padded or truncated.
        validation_texts: The texts of the validation examples.
    """

    name = "sentiment"
    classes: tuple[str, ...] = ("negative", "positive")

    def __init__(
        self,
        sst2: Sst2,
        vocabulary: Vocabulary,
        backend: Backend,
        *,
        preset: Preset = "course",
        trainable: bool = False,
        seed: int = 0,
        train_size: int | None = None,
        validation_size: int | None = None,
    ) -> None:
        """Choose the examples and build the network.

        Args:
            sst2: The sentences and their classes.
            vocabulary: The word vectors.
            backend: The backend of the parameters.
            preset: The preset of `KimCNN`.
            trainable: True trains the word vectors.
            seed: The seed of the weights and of dropout.
            train_size: The number of training sentences, from the first; by default all.
            validation_size: The number of development sentences, from the first; by default all.

        Raises:
            ValueError: There are fewer sentences than a size.
        """
        self.rng = np.random.default_rng(seed)
        self.vocabulary = vocabulary
        self.classes = sst2.classes
        self.network = KimCNN(
            vocabulary.vectors,
            self.rng,
            backend,
            preset=preset,
            trainable=trainable,
            classes=len(self.classes),
        )
        texts = (sst2.train if len(sst2.train) else sst2.dev).texts
        lengths = [len(vocabulary.rows(text)) for text in texts]
        self.length = max(LENGTH, min(max(lengths, default=0), LONGEST))
        self.notes = self._notes(texts, lengths)
        self.train = first_examples(self._examples(sst2.train), train_size, "train")
        self.validation = first_examples(self._examples(sst2.dev), validation_size, "validation")
        self.validation_texts = sst2.dev.texts[:validation_size]
        self.test = self._examples(sst2.test) if len(sst2.test) else None

    def inputs(self, batch: Examples) -> npt.NDArray[Any]:
        """Return the encoded sentences."""
        return batch.inputs

    def compute(
        self, inputs: npt.NDArray[Any], labels: npt.NDArray[np.integer]
    ) -> tuple[Tensor, Tensor]:
        """Return the loss and the logits."""
        logits = self.network(inputs)
        if len(self.classes) == 2:
            return binary_cross_entropy_with_logits(logits, labels), logits
        return nll_loss(logsoftmax(logits, dim=1), labels), logits

    def probabilities_of(self, output: Tensor) -> npt.NDArray[np.floating]:
        """Return the probability of each class, (N, classes)."""
        return probabilities(output)

    def _examples(self, sentences: Sentences) -> Examples:
        return Examples(self.vocabulary.encode(sentences.texts, self.length), sentences.labels)

    def _notes(self, texts: Sequence[str], lengths: Sequence[int]) -> tuple[str, ...]:
        """Describe other classes than those of SST-2, and what the network does not see."""
        notes = []
        if self.classes != Sentiment.classes:
            notes.append(f"classes: {', '.join(self.classes)}")
        coverage = self.vocabulary.coverage(texts)
        if coverage < 0.99:
            notes.append(f"words with a vector: {coverage:.1%}; the others are ignored")
        if cut := sum(length > self.length for length in lengths):
            notes.append(f"{cut:,} of {len(texts):,} texts are cut after {self.length} words")
        return tuple(notes)


def probabilities(logits: Tensor) -> npt.NDArray[np.floating]:
    """Return the probability of each class from the output of `KimCNN`.

    Shape:
        (N,) of two classes, (N, classes) of more → (N, classes).
    """
    if len(logits.shape) == 1:
        positive = logits.detach().sigmoid().to_numpy()
        return np.stack([1 - positive, positive], axis=1)
    values: npt.NDArray[np.floating] = np.exp(logsoftmax(logits.detach(), dim=1).to_numpy())
    return values
