"""Continuations of texts: the probabilities of each token, and the attention behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from mt_app.insight.computing import COMPUTING
from mt_models.generation import generate_tokens
from mt_models.prediction import LanguageModel

Weights = npt.NDArray[np.floating]

NAMES = {"\n": "⏎", " ": "␣", "\t": "⇥"}
"""The characters that are displayed for invisible ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A drawn token.

    Attributes:
        number: Its number.
        window: The numbers of the tokens that the network read before it.
        probabilities: The probabilities from which it was drawn, (vocabulary,).
    """

    number: int
    window: tuple[int, ...]
    probabilities: npt.NDArray[np.float64]

    @property
    def probability(self) -> float:
        """The probability of the drawn token."""
        return float(self.probabilities[self.number])

    def likeliest(self, count: int) -> list[int]:
        """Return the most probable tokens and the drawn one, most probable first."""
        order = np.argsort(-self.probabilities, kind="stable").tolist()
        first: list[int] = [number for number in order[:count] if self.probabilities[number] > 0]
        return first if self.number in first else [*first[: count - 1], self.number]


def continue_text(
    model: LanguageModel,
    beginning: str,
    *,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> tuple[Step, ...]:
    """Continue a text by a number of tokens.

    Args:
        model: The language model.
        beginning: The beginning, at least one token.
        length: The number of tokens.
        temperature: The divisor of the logits; 0 chooses the most probable token.
        top_k: The number of most probable tokens that may be drawn; None for all.
        seed: The seed of the draws.

    Raises:
        ValueError: The beginning is empty or has unknown characters, or a setting is out of range.
    """
    ids = model.tokenizer.encode(beginning)
    with COMPUTING:
        tokens = generate_tokens(
            model.network, ids, temperature=temperature, top_k=top_k, seed=seed
        )
        return tuple(
            Step(token.number, token.window, token.probabilities)
            for token in islice(tokens, length)
        )


def attention_maps(model: LanguageModel, window: Sequence[int]) -> Weights:
    """Return the weight of each position for each position, in every head.

    Args:
        model: The language model.
        window: The token numbers, at most as many as its context.

    Shape:
        (layers, heads, length, length): a row belongs to the position that attends.
    """
    with COMPUTING:
        return model.network.attention_maps([list(window)])[:, 0]


def visible(text: str) -> str:
    r"""Return a text with symbols for invisible characters.

    >>> visible("a b\n")
    'a␣b⏎'
    """
    return "".join(NAMES.get(character, character) for character in text)
