"""The smallest GPT on names: training, the next letter, and one step on four engines."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_app.insight.computing import COMPUTING
from mt_models.names import ENGINES, Learner, Scalars, logits, make_engine, probabilities
from mt_models.names.model import HEADS, WIDTH, tokens_of
from mt_models.names.scalars import Rows

Array = npt.NDArray[np.float64]

SIZE = WIDTH // HEADS
"""The number of columns of a head."""


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A trained model.

    Attributes:
        weights: Its weights by name.
        losses: The loss of each name before the step on it.
        invented: Names that it invents.
    """

    weights: dict[str, Array]
    losses: tuple[float, ...]
    invented: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timed:
    """The loss of a name on one engine, forward and backward.

    Attributes:
        engine: The displayed name of the engine.
        loss: The loss.
        seconds: The time of the second of two computations.
        gradient: The Euclidean norm of the gradient of all weights.
    """

    engine: str
    loss: float
    seconds: float
    gradient: float


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The attention of one head over a name.

    Attributes:
        query: The queries, (positions, 4); so are `key` and `value`.
        key: The keys.
        value: The values.
        scores: The products of queries and keys, divided by the root of 4, (positions, positions).
        weights: The softmax of the scores up to each position, (positions, positions).
        output: The weighted sums of the values, (positions, 4).
    """

    query: Array
    key: Array
    value: Array
    scores: Array
    weights: Array
    output: Array


def learn(names: Sequence[str], steps: int) -> Learnt:
    """Train the model on the engine `Tuned`, one name at a time.

    Args:
        names: The names.
        steps: The number of names to learn.
    """
    with COMPUTING:
        learner = Learner(make_engine("tuned"), names, steps=max(steps, 1))
        losses = tuple(learner.step() for _ in range(steps))
        invented = tuple(learner.invent(seed) for seed in range(12))
    return Learnt(learner.weights, losses, invented)


def next_letters(weights: dict[str, Array], name: str) -> Array:
    """Return the probability of each token after each position of a name.

    Shape:
        (positions, 27); the first row follows the beginning, the last one the whole name.
    """
    engine = make_engine("tuned")
    with COMPUTING:
        leaves = {each: engine.leaf(numbers) for each, numbers in weights.items()}
        return engine.numbers(probabilities(engine, leaves, tokens_of(name)[:-1]))


def on_four_engines(weights: dict[str, Array], name: str) -> list[Timed]:
    """Compute the loss of a name and its gradient on every engine."""
    tokens = tokens_of(name)
    results = []
    with COMPUTING:
        for kind in ENGINES:
            engine = make_engine(kind)
            # The first turn of the compiled engines compiles.
            for _ in range(1 if kind in ("scalar", "reference") else 2):
                began = time.perf_counter()
                leaves = {each: engine.leaf(numbers) for each, numbers in weights.items()}
                loss = engine.loss(probabilities(engine, leaves, tokens[:-1]), tokens[1:])
                loss.backward()
                seconds = time.perf_counter() - began
            squares = (float((engine.gradient(leaf) ** 2).sum()) for leaf in leaves.values())
            results.append(Timed(engine.name, float(loss), seconds, math.sqrt(sum(squares))))
    return results


class _Watched(Scalars):
    """The engine of scalars, which keeps the operands and results of the attention."""

    def __init__(self) -> None:
        self.scores: list[tuple[Array, Array, Array]] = []
        self.mixed: list[tuple[Array, Array, Array]] = []

    def linear(self, x: Rows, weight: Rows) -> Rows:
        """Multiply, and keep queries, keys and their products."""
        result = super().linear(x, weight)
        if len(weight[0]) == SIZE:
            self.scores.append((self.numbers(x), self.numbers(weight), self.numbers(result)))
        return result

    def mix(self, weights: Rows, values: Rows) -> Rows:
        """Mix, and keep weights, values and results."""
        result = super().mix(weights, values)
        full = np.zeros((len(weights), len(values)))
        for row, own in zip(full, weights, strict=True):
            row[: len(own)] = [each.data for each in own]
        self.mixed.append((full, self.numbers(values), self.numbers(result)))
        return result


def attention(weights: dict[str, Array], name: str) -> list[Head]:
    """Return what each head computes for a name, observed on the engine of scalars."""
    engine = _Watched()
    leaves = {each: engine.leaf(numbers) for each, numbers in weights.items()}
    logits(engine, leaves, tokens_of(name)[:-1])
    return [
        Head(query, key, value, products * SIZE**-0.5, shares, output)
        for (query, key, products), (shares, value, output) in zip(
            engine.scores, engine.mixed, strict=True
        )
    ]
