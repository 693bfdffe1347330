"""Sentiment classification: SST-2 and the sentence CNN."""

import numpy as np

from mt_models.datasets import Sentences, Sst2, Vocabulary
from mt_models.networks import KimCNN, Preset
from mt_models.problems.problem import Answer, Examples, Problem
from mt_nn import binary_cross_entropy_with_logits
from mt_tensor import Backend

LENGTH = 52
"""The length in tokens to which sentences are padded or truncated: that of the longest training
sentence. A smaller value loses words, a larger one costs time."""


class Sentiment(Problem):
    """SST-2: the sentiment of sentences of film reviews.

    Attributes:
        vocabulary: The words that have a vector.
        validation_texts: The texts of the validation examples.
    """

    name = "sentiment"
    classes = ("negative", "positive")

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
            sst2: The sentences.
            vocabulary: The word vectors.
            backend: The backend of the parameters.
            preset: The preset of `KimCNN`.
            trainable: True trains the word vectors.
            seed: The seed of the weights and of dropout.
            train_size: The number of training sentences, from the first; by default all.
            validation_size: The number of development sentences, from the first; by default all.
        """
        self.rng = np.random.default_rng(seed)
        self.vocabulary = vocabulary
        self.network = KimCNN(
            vocabulary.vectors, self.rng, backend, preset=preset, trainable=trainable
        )
        self.train = self._examples(sst2.train)[:train_size]
        self.validation = self._examples(sst2.dev)[:validation_size]
        self.validation_texts = sst2.dev.texts[:validation_size]
        self.test = self._examples(sst2.test) if len(sst2.test) else None

    def answer(self, batch: Examples) -> Answer:
        """Run the network on a batch of encoded sentences."""
        logits = self.network(batch.inputs)
        positive = logits.detach().sigmoid().to_numpy()
        return Answer(
            binary_cross_entropy_with_logits(logits, batch.labels),
            np.stack([1 - positive, positive], axis=1),
        )

    def _examples(self, sentences: Sentences) -> Examples:
        return Examples(self.vocabulary.encode(sentences.texts, LENGTH), sentences.labels)
