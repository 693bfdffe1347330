"""The measured training steps, defined once for all frameworks with NumPy only.

A case names the network, the batch size and whether dropout is active. It draws weights and batch,
so that all frameworks start from the same numbers. Weights have the names of the `state_dict` of
the networks in mt-models.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Network: TypeAlias = Literal["course", "lenet5", "kim", "gpt"]
Weights: TypeAlias = dict[str, npt.NDArray[np.float32]]

LEARNING_RATE = 0.001
"""Learning rate of the measured steps. With a large one, thousands of steps on one batch would
reach infinities or denormal numbers, whose arithmetic takes another time."""

WORDS, WIDTH, MAPS, KERNELS, VOCABULARY = 52, 50, 100, (3, 4, 5), 5000
"""Sizes of the sentence network: words per sentence, length of a word vector, filters per width,
filter widths (words), and words of the vocabulary."""

CHARACTERS, CONTEXT, HEADS, LAYERS, COLUMNS = 65, 64, 4, 4, 128
"""Sizes of the character transformer, those of nanoGPT's recipe for a CPU: distinct characters,
characters of a sequence, heads of an attention, blocks, and length of the vector of a character."""

SHAPES: dict[Network, dict[str, tuple[int, ...]]] = {
    "course": {
        "conv1.weight": (4, 1, 3, 3),
        "conv1.bias": (4,),
        "conv2.weight": (8, 4, 3, 3),
        "conv2.bias": (8,),
        "hidden.weight": (392, 64),
        "hidden.bias": (64,),
        "output.weight": (64, 10),
        "output.bias": (10,),
    },
    "lenet5": {
        "conv1.weight": (6, 1, 5, 5),
        "conv1.bias": (6,),
        "conv2.weight": (16, 6, 5, 5),
        "conv2.bias": (16,),
        "hidden1.weight": (400, 120),
        "hidden1.bias": (120,),
        "hidden2.weight": (120, 84),
        "hidden2.bias": (84,),
        "output.weight": (84, 10),
        "output.bias": (10,),
    },
    "kim": {
        "embedding.weight": (VOCABULARY, WIDTH),
        **{
            f"convolutions.{at}.{part}": (MAPS, WIDTH, kernel) if part == "weight" else (MAPS,)
            for at, kernel in enumerate(KERNELS)
            for part in ("weight", "bias")
        },
        "output.weight": (MAPS, 1),
        "output.bias": (1,),
    },
    "gpt": {
        "tokens.weight": (CHARACTERS, COLUMNS),
        "positions.weight": (CONTEXT, COLUMNS),
        **{
            f"blocks.{at}.{name}.weight": shape
            for at in range(LAYERS)
            for name, shape in (
                ("norm1", (COLUMNS,)),
                *((f"attention.{part}", (COLUMNS, COLUMNS)) for part in ("query", "key")),
                *((f"attention.{part}", (COLUMNS, COLUMNS)) for part in ("value", "output")),
                ("norm2", (COLUMNS,)),
                ("linear1", (COLUMNS, 4 * COLUMNS)),
                ("linear2", (4 * COLUMNS, COLUMNS)),
            )
        },
        "norm.weight": (COLUMNS,),
    },
}
"""Shapes of the weights by network and name; linear layers have (inputs, outputs)."""


@dataclass(frozen=True, slots=True)
class TrainingCase:
    """One training step: forward pass, backward pass, and a step of the optimiser.

    The optimiser is plain gradient descent. The transformer has AdamW, weight decay of its matrices
    and clipping of the gradients' norm, as in its recipe.

    Attributes:
        network: The course's LeNet, LeNet-5, Kim's sentence network with frozen word vectors, or
            the character transformer, without dropout.
        batch: The number of examples.
        dropout: True if dropout is active; without it, all frameworks compute the same loss.
    """

    network: Network
    batch: int
    dropout: bool = True

    def weights(self) -> Weights:
        """Draw the weights, uniform in ±1 / sqrt(inputs of a unit), word vectors in ±0.25.

        The factors of normalisations are in 1 ± 0.25.
        """
        rng = np.random.default_rng(7)
        drawn: Weights = {}
        for name, shape in SHAPES[self.network].items():
            inputs = shape[0] if len(shape) == 2 else int(np.prod(shape[1:], dtype=np.int64))
            bound = 0.25 if name.startswith("embedding") else 1.0 / np.sqrt(max(inputs, 1))
            is_factor = "norm" in name
            low, high = (0.75, 1.25) if is_factor else (-bound, bound)
            drawn[name] = rng.uniform(low, high, shape).astype(np.float32)
        return drawn

    def inputs(
        self,
    ) -> tuple[npt.NDArray[np.float32] | npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Draw a batch: images (N, 1, 28, 28) or word indices (N, words), and labels (N,).

        For the transformer: characters (N, context), and those that follow, of the same shape.
        """
        rng = np.random.default_rng(11)
        if self.network == "gpt":
            text = rng.integers(CHARACTERS, size=(self.batch, CONTEXT + 1))
            return text[:, :-1].copy(), text[:, 1:].copy()
        if self.network == "kim":
            words = rng.integers(VOCABULARY, size=(self.batch, WORDS))
            return words, rng.integers(2, size=self.batch)
        images = rng.random((self.batch, 1, 28, 28), np.float32)
        return images, rng.integers(10, size=self.batch)
