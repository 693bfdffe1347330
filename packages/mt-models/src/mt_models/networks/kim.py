"""A convolutional network that reads sentences.

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
    """Kernels of widths 3, 4 and 5 slide over word vectors; the strongest response of each counts.

    The preset ``course`` adds the three vectors of responses up and drops out the one number that
    the linear layer makes of them. ``kim2014`` is the paper's: it concatenates the vectors and
    drops out before the linear layer, half of the units.
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
    ) -> None:
        """Build the network with random weights.

        Args:
            vectors: (rows, dimensions), one vector a word.
            rng: Draws the weights now and the dropped units later.
            backend: What computes.
            preset: How the responses are combined.
            trainable: Whether the vectors are learnt, too (the paper's "non-static").
            maps: Kernels of each width.

        Raises:
            ValueError: There is no such preset.
        """
        super().__init__()
        if preset not in ("course", "kim2014"):
            raise ValueError(f"preset {preset!r} does not exist; choose 'course' or 'kim2014'")
        self.preset = preset
        self.embedding = Embedding.from_pretrained(vectors, trainable=trainable, backend=backend)
        # Small weights: the largest of many responses would else be large before it means anything.
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
        self.output = Linear(features, 1, init=course_uniform, rng=rng, backend=backend)
        self.dropout = Dropout(0.25 if preset == "course" else 0.5, rng=rng)

    def forward(self, rows: npt.NDArray[np.integer]) -> Tensor:
        """Return how positive each sentence is, as a logit: a sigmoid makes it a probability.

        Shape:
            (N, words), rows of the table of vectors → (N,).
        """
        x = self.embedding(rows).permute(0, 2, 1)  # (N, dimensions, words)
        responses = [conv(x) for conv in self.convolutions]  # (N, maps, 1)
        if self.preset == "course":
            features = responses[0] + responses[1] + responses[2]  # (N, maps, 1)
            logits: Tensor = self.dropout(self.output(_rows(features)))
        else:
            features = concatenate(responses, dim=1)  # (N, 3 * maps, 1)
            logits = self.output(self.dropout(_rows(features)))
        return logits.view(-1)


def _rows(features: Tensor) -> Tensor:
    """Drop the last dimension, over which the maximum was taken."""
    return features.view(features.shape[0], features.shape[1])
