"""Training of the smallest GPT, and names that it invents: one program for all engines.

The weights are NumPy arrays between the steps, so that every engine can continue the work of
another.
"""

from collections.abc import Sequence
from typing import Any, Generic

import numpy as np

from mt_models.backends import make_backend
from mt_models.names.model import (
    CONTEXT,
    END,
    LETTERS,
    Array,
    Engine,
    Matrix,
    initial_weights,
    probabilities,
    tokens_of,
)
from mt_models.names.scalars import Scalars
from mt_models.names.tensors import Tensors

ENGINES = ("scalar", "reference", "fast", "tuned")
"""The names that `make_engine` accepts."""


def make_engine(name: str) -> Engine[Any]:
    """Return the engine with a name, in double precision.

    Raises:
        ValueError: There is no such engine.

    >>> make_engine("fast").name
    'Fast'
    """
    if name not in ENGINES:
        raise ValueError(f"engine {name!r} does not exist; allowed: {', '.join(ENGINES)}")
    return Scalars() if name == "scalar" else Tensors(make_backend(name, np.float64))


def tokens_of_start(start: str) -> list[int]:
    """Return the tokens with which an invented name begins.

    Raises:
        ValueError: The start has too many letters, or other characters than a – z.
    """
    if len(start) >= CONTEXT:
        raise ValueError(f"invent: start {start!r} has more than {CONTEXT - 1} letters")
    return tokens_of(start)[:-1]


class Learner(Generic[Matrix]):
    r"""A model in training: one name is one step of Adam.

    The recipe: the learning rate falls from 0.01 to 0 in equal steps, $\beta_1 = 0.85$,
    $\beta_2 = 0.99$, $\epsilon = 10^{-8}$.

    Attributes:
        engine: The engine that computes.
        weights: The present weights.
        taken: The number of steps so far.
    """

    rate, beta1, beta2, eps = 0.01, 0.85, 0.99, 1e-8

    def __init__(
        self, engine: Engine[Matrix], names: Sequence[str], *, steps: int = 1000, seed: int = 42
    ) -> None:
        """Draw the weights and the order of the names.

        Args:
            engine: The engine.
            names: The names to learn.
            steps: The number of steps after which the learning rate is 0.
            seed: The seed of weights and order.

        Raises:
            ValueError: There is no name or no step, or a name is too long or has other characters
                than a – z.
        """
        if steps < 1:
            raise ValueError(f"Learner: steps is {steps}; it must be 1 or more")
        if not names:
            raise ValueError("Learner: the list of names is empty; give at least one name")
        for name in names:
            if len(tokens_of(name)) > CONTEXT + 1:
                raise ValueError(
                    f"Learner: {name!r} has {len(name)} letters; allowed are {CONTEXT - 1}"
                )
        self.engine = engine
        self.weights = initial_weights(seed)
        self.steps, self.taken = steps, 0
        order = np.random.default_rng(seed).permutation(len(names))
        self._names = [names[i] for i in order]
        self._means = {name: np.zeros_like(w) for name, w in self.weights.items()}
        self._squares = {name: np.zeros_like(w) for name, w in self.weights.items()}

    def step(self) -> float:
        """Learn the next name, and return its loss before the step.

        The loss is the mean negative logarithm of the probability of each letter and of the end.
        """
        tokens = tokens_of(self._names[self.taken % len(self._names)])
        leaves = {name: self.engine.leaf(numbers) for name, numbers in self.weights.items()}
        loss = self.engine.loss(probabilities(self.engine, leaves, tokens[:-1]), tokens[1:])
        loss.backward()
        self._adam({name: self.engine.gradient(leaf) for name, leaf in leaves.items()})
        return float(loss)

    def _adam(self, gradients: dict[str, Array]) -> None:
        """Change the weights by one step of Adam (Kingma and Ba, 2015, algorithm 1)."""
        rate = self.rate * max(1 - self.taken / self.steps, 0.0)
        self.taken += 1
        for name, gradient in gradients.items():
            mean, square = self._means[name], self._squares[name]
            mean += (1 - self.beta1) * (gradient - mean)
            square += (1 - self.beta2) * (gradient**2 - square)
            first = mean / (1 - self.beta1**self.taken)
            second = square / (1 - self.beta2**self.taken)
            self.weights[name] = self.weights[name] - rate * first / (np.sqrt(second) + self.eps)

    def invent(self, seed: int, *, start: str = "", temperature: float = 0.5) -> str:
        """Draw one letter after the other, until the end of the name.

        Args:
            seed: The seed of the draws.
            start: The first letters of the name.
            temperature: The divisor of the logits; small numbers prefer the likeliest letters.

        Raises:
            ValueError: The start is too long or has other characters than a – z, or the
                temperature is not positive.
        """
        tokens = tokens_of_start(start)
        if not temperature > 0:
            raise ValueError(f"invent: temperature {temperature} must be above 0")
        rng = np.random.default_rng(seed)
        leaves = {name: self.engine.leaf(numbers) for name, numbers in self.weights.items()}
        while True:
            rows = self.engine.numbers(probabilities(self.engine, leaves, tokens))
            # Powers of probabilities are the softmax of divided logits, but for a factor.
            # Relative to the largest one, they are not all rounded to 0.
            powers = (rows[-1] / rows[-1].max()) ** (1 / temperature)
            token = int(rng.choice(len(powers), p=powers / powers.sum()))
            if token == END:
                break
            tokens.append(token)
            if len(tokens) == CONTEXT:
                break
        return "".join(LETTERS[token] for token in tokens[1:])
