r"""The model: one transformer layer of width 16 with four heads, on the functions of an engine.

A text is a list of tokens. Each row of a matrix belongs to one position of the text. The function
`logits` rates, at each position, every token that can come next.
"""

from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Matrix = TypeVar("Matrix")

LETTERS = "abcdefghijklmnopqrstuvwxyz"
END = len(LETTERS)
"""The token before the first letter and after the last one."""
VOCABULARY = len(LETTERS) + 1
WIDTH = 16
HEADS = 4
CONTEXT = 16
"""The largest number of positions."""

SHAPES = {
    "tokens": (VOCABULARY, WIDTH),
    "positions": (CONTEXT, WIDTH),
    "query": (WIDTH, WIDTH),
    "key": (WIDTH, WIDTH),
    "value": (WIDTH, WIDTH),
    "output": (WIDTH, WIDTH),
    "wide": (4 * WIDTH, WIDTH),
    "narrow": (WIDTH, 4 * WIDTH),
    "head": (VOCABULARY, WIDTH),
}
"""The shape of each matrix of weights: 4,192 numbers in total."""


class Engine(Protocol[Matrix]):
    """The functions on which the model is written.

    `Matrix` is the type of a matrix of differentiable numbers: a list of rows of `Scalar`, or a
    tensor.

    Attributes:
        name: The displayed name.
    """

    name: str

    def leaf(self, numbers: Array) -> Matrix:
        """Return numbers as a matrix that receives a gradient."""

    def numbers(self, x: Matrix) -> Array:
        """Return the numbers of a matrix without history."""

    def gradient(self, x: Matrix) -> Array:
        """Return the gradient that `backward` left in a leaf; zeros if it left none."""

    def rows(self, table: Matrix, at: list[int]) -> Matrix:
        """Return the rows of a table with the given numbers."""

    def add(self, x: Matrix, y: Matrix) -> Matrix:
        """Return x + y, element by element."""

    def scale(self, x: Matrix, factor: float) -> Matrix:
        """Return every element multiplied by a number."""

    def relu(self, x: Matrix) -> Matrix:
        """Return the positive part of every element."""

    def linear(self, x: Matrix, weight: Matrix) -> Matrix:
        """Return the product of every row of x with every row of the weight, x wᵀ."""

    def mix(self, weights: Matrix, values: Matrix) -> Matrix:
        """Return the sums of the rows of `values`, weighted by each row of `weights`."""

    def normalise(self, x: Matrix) -> Matrix:
        """Return every row divided by its root mean square."""

    def softmax(self, x: Matrix, *, causal: bool = False) -> Matrix:
        """Return the softmax of each row; if causal, row i uses its first i + 1 elements."""

    def columns(self, x: Matrix, start: int, stop: int) -> Matrix:
        """Return the columns from `start` to `stop`, exclusive."""

    def beside(self, parts: list[Matrix]) -> Matrix:
        """Return matrices of equal height beside each other."""

    def loss(self, probabilities: Matrix, targets: list[int]) -> Any:
        """Return the mean negative logarithm of the target's probability, with `backward()`."""


def initial_weights(seed: int = 42) -> dict[str, Array]:
    """Draw the weights from a normal distribution with standard deviation 0.08."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0.0, 0.08, shape) for name, shape in SHAPES.items()}


def attention(engine: Engine[Matrix], weights: dict[str, Matrix], x: Matrix) -> Matrix:
    """Let each position collect information from itself and the positions before it."""
    query, key, value = (engine.linear(x, weights[name]) for name in ("query", "key", "value"))
    size = WIDTH // HEADS
    heads = []
    for start in range(0, WIDTH, size):
        q, k, v = (engine.columns(each, start, start + size) for each in (query, key, value))
        scores = engine.scale(engine.linear(q, k), size**-0.5)
        heads.append(engine.mix(engine.softmax(scores, causal=True), v))
    return engine.linear(engine.beside(heads), weights["output"])


def logits(engine: Engine[Matrix], weights: dict[str, Matrix], tokens: list[int]) -> Matrix:
    """Rate every token that can come next.

    Args:
        engine: The engine that computes.
        weights: The matrices of `SHAPES`.
        tokens: The text, at most `CONTEXT` tokens.

    Shape:
        (positions, VOCABULARY).

    Raises:
        ValueError: The text has no token or too many.
    """
    if not 1 <= len(tokens) <= CONTEXT:
        raise ValueError(f"logits: {len(tokens)} tokens given; allowed are 1 to {CONTEXT}")
    places = engine.rows(weights["positions"], list(range(len(tokens))))
    x = engine.normalise(engine.add(engine.rows(weights["tokens"], tokens), places))
    x = engine.add(x, attention(engine, weights, engine.normalise(x)))
    hidden = engine.relu(engine.linear(engine.normalise(x), weights["wide"]))
    x = engine.add(x, engine.linear(hidden, weights["narrow"]))
    return engine.linear(x, weights["head"])


def probabilities(engine: Engine[Matrix], weights: dict[str, Matrix], tokens: list[int]) -> Matrix:
    """Return the probability of each token to come next, (positions, VOCABULARY)."""
    return engine.softmax(logits(engine, weights, tokens))


def tokens_of(name: str) -> list[int]:
    """Return the tokens of a name, with `END` on both sides.

    Raises:
        ValueError: The name contains other characters than `LETTERS`.

    >>> tokens_of("ab")
    [26, 0, 1, 26]
    """
    for letter in name:
        if letter not in LETTERS:
            raise ValueError(f"{name!r} contains {letter!r}; a name consists of the letters a to z")
    return [END, *map(LETTERS.index, name), END]
