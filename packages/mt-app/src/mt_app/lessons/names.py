"""The smallest GPT on names: training, the next letter, and one step on four engines."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_app.insight.computing import COMPUTING
from mt_autodiff import Scalar
from mt_models.names import ENGINES, Learner, logits, make_engine, probabilities
from mt_models.names.model import HEADS, WIDTH, tokens_of

Array = npt.NDArray[np.float64]


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


class _Watched:
    """The engine of scalars, which keeps the operands and results of the attention."""

    def __init__(self) -> None:
        self.inner = make_engine("scalar")
        self.kept: list[tuple[str, Array, Array, Array]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def linear(self, x: list[list[Scalar]], weight: list[list[Scalar]]) -> list[list[Scalar]]:
        """Multiply, and keep the products of queries and keys."""
        result: list[list[Scalar]] = self.inner.linear(x, weight)
        if len(weight[0]) == WIDTH // HEADS:
            numbers = (self.inner.numbers(each) for each in (x, weight, result))
            self.kept.append(("scores", *numbers))  # type: ignore[arg-type]
        return result

    def mix(self, weights: list[list[Scalar]], values: list[list[Scalar]]) -> list[list[Scalar]]:
        """Mix, and keep weights, values and results."""
        result: list[list[Scalar]] = self.inner.mix(weights, values)
        full = [
            [*(each.data for each in row), *[0.0] * (len(weights) - len(row))] for row in weights
        ]
        self.kept.append(
            ("mix", np.array(full), self.inner.numbers(values), self.inner.numbers(result))
        )
        return result


def attention(weights: dict[str, Array], name: str) -> list[Head]:
    """Return what each head computes for a name, observed on the engine of scalars."""
    watched = _Watched()
    leaves = {each: watched.inner.leaf(numbers) for each, numbers in weights.items()}
    logits(watched, leaves, tokens_of(name)[:-1])  # type: ignore[arg-type]
    heads = []
    for (_, query, key, scores), (_, shares, value, output) in zip(
        watched.kept[::2], watched.kept[1::2], strict=True
    ):
        heads.append(Head(query, key, value, scores * (WIDTH // HEADS) ** -0.5, shares, output))
    return heads
