"""A convolutional network that classifies sentences.

Y. Kim: Convolutional neural networks for sentence classification, EMNLP 2014.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, concatenate
from mt_nn import Dropout, Embedding, Linear, MaxOverTimeConv1d, Module
from mt_nn.init import course_uniform
from mt_tensor import REFERENCE, Backend

Preset = Literal["course", "kim2014"]


class KimCNN(Module):
    """A sentence CNN: convolutions of widths 3, 4 and 5 over word vectors, and max over time.

    The preset ``course`` adds the three vectors of maxima and applies dropout after the linear
    layer. ``kim2014`` is the paper's: it concatenates the vectors and applies dropout with rate
    0.5 before the linear layer.
    """

    WIDTHS = (3, 4, 5)

    def __init__(
        self,
        vectors: npt.NDArray[np.float32],
        rng: np.random.Generator,
        backend: Backend = REFERENCE,
        *,
        preset: Preset = "course",
        trainable: bool = False,
        maps: int = 100,
        classes: int = 2,
    ) -> None:
        """Build the network with random weights.

        Args:
            vectors: The word vectors, shape (rows, dimensions).
            rng: The generator of the weights and of dropout.
            backend: The backend of the parameters.
            preset: "course" or "kim2014".
            trainable: True trains the word vectors (the paper's "non-static").
            maps: The number of kernels of each width.
            classes: The number of classes. A network of two has one output, the logit of the
                second class; a network of more has a logit for each.

        Raises:
            ValueError: There is no such preset, or there are fewer than two classes.
        """
        super().__init__()
        if preset not in ("course", "kim2014"):
            raise ValueError(f"preset {preset!r} does not exist; allowed: 'course', 'kim2014'")
        if classes < 2:
            raise ValueError(f"KimCNN: classes is {classes}; at least 2 are needed")
        self.preset = preset
        self.embedding = Embedding.from_pretrained(vectors, trainable=trainable, backend=backend)
        # Small weights, because the maximum over many positions is large even for random weights.
        self.convolutions = [
            MaxOverTimeConv1d(
                vectors.shape[1],
                maps,
                width,
                padding="trailing",
                init=course_uniform,
                rng=rng,
                backend=backend,
            )
            for width in self.WIDTHS
        ]
        features = maps if preset == "course" else maps * len(self.WIDTHS)
        outputs = 1 if classes == 2 else classes
        self.output = Linear(features, outputs, init=course_uniform, rng=rng, backend=backend)
        self.dropout = Dropout(0.25 if preset == "course" else 0.5, rng=rng)

    def forward(self, rows: npt.NDArray[np.integer]) -> Tensor:
        """Return the logit of the probability that each sentence is positive.

        With more than two classes, return a logit for each class.

        Shape:
            (N, words), rows of the table of vectors → (N,), or (N, classes) of more than two.
        """
        x = self.embedding(rows).permute(0, 2, 1)  # (N, dimensions, words)
        maxima = [conv(x) for conv in self.convolutions]  # (N, maps, 1)
        if self.preset == "course":
            features = maxima[0] + maxima[1] + maxima[2]  # (N, maps, 1)
            logits: Tensor = self.dropout(self.output(_rows(features)))
        else:
            features = concatenate(maxima, dim=1)  # (N, 3 * maps, 1)
            logits = self.output(self.dropout(_rows(features)))
        return logits.view(-1) if logits.shape[1] == 1 else logits


def _rows(features: Tensor) -> Tensor:
    """Remove the last dimension, which has size 1."""
    return features.view(features.shape[0], features.shape[1])
