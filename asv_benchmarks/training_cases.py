"""The training steps that are measured: one definition for every framework, with NumPy only.

A case says which network, how large a batch, and whether units are dropped. It draws the weights
and the batch, so that all frameworks start from the same numbers; the names of the weights are
those of our own networks' `state_dict`.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Network: TypeAlias = Literal["course", "lenet5", "kim"]
Weights: TypeAlias = dict[str, npt.NDArray[np.float32]]

LEARNING_RATE = 0.001
"""Small enough that thousands of steps on one batch leave the arithmetic what it is."""

WORDS, WIDTH, MAPS, KERNELS, VOCABULARY = 52, 50, 100, (3, 4, 5), 5000
"""The sentence network: words of a sentence, length of a word's vector, kernels of each width."""

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
}
"""The weights of each network; a linear layer's are (inputs, outputs)."""


@dataclass(frozen=True, slots=True)
class TrainingCase:
    """One training step: forward, backward, a step of plain gradient descent.

    Attributes:
        network: The course's LeNet, LeNet-5, or Kim's sentence network with frozen word vectors.
        batch: Examples in the step.
        dropout: Whether units are dropped; without, every framework computes the same loss.
    """

    network: Network
    batch: int
    dropout: bool = True

    def weights(self) -> Weights:
        """Draw the weights: uniform, as wide as the number of inputs of a unit allows."""
        rng = np.random.default_rng(7)
        drawn: Weights = {}
        for name, shape in SHAPES[self.network].items():
            inputs = shape[0] if len(shape) == 2 else int(np.prod(shape[1:], dtype=np.int64))
            bound = 0.25 if name.startswith("embedding") else 1.0 / np.sqrt(max(inputs, 1))
            drawn[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
        return drawn

    def inputs(
        self,
    ) -> tuple[npt.NDArray[np.float32] | npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Draw a batch: images (N, 1, 28, 28) or word numbers (N, words), and the labels (N,)."""
        rng = np.random.default_rng(11)
        if self.network == "kim":
            words = rng.integers(VOCABULARY, size=(self.batch, WORDS))
            return words, rng.integers(2, size=self.batch)
        images = rng.random((self.batch, 1, 28, 28), np.float32)
        return images, rng.integers(10, size=self.batch)
