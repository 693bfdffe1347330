"""From sentences to rows of a table of vectors.

Row 0 is padding and row 1 stands for every unknown word; both are zeros, so that they add
nothing to a convolution. The words of the GloVe table follow in its own order.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mt_models.datasets.glove import Glove

PADDING = 0
UNKNOWN = 1
MIN_LENGTH = 5
"""The widest kernel of the sentence CNN has to fit into the shortest sentence."""

_JOINTS = re.compile("[-/]")


class Vocabulary:
    """Knows the row of every token.

    A token without a vector that is joined by hyphens or slashes falls back to those of its
    parts that have one: "dumbed-down" becomes "dumbed" and "down", two tokens in its place.
    On SST-2 this raises the share of tokens with a vector from 99.1 % to 99.7 %, and no
    sentence of the embedded files becomes longer than the longest one was.
    """

    def __init__(self, glove: Glove, *, split_compounds: bool = True) -> None:
        """Lay the two rows of zeros before the vectors of a GloVe table.

        Args:
            glove: Words and vectors.
            split_compounds: Whether unknown compounds fall back to their parts.
        """
        reserved = np.zeros((2, glove.vectors.shape[1]), np.float32)
        self.vectors: NDArray[np.float32] = np.concatenate([reserved, glove.vectors])
        """(2 + words, dimensions), read-only: row r is the vector of token r."""
        self.vectors.flags.writeable = False
        self.split_compounds = split_compounds
        self._index = glove.index

    def __len__(self) -> int:
        return len(self.vectors)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} rows, split_compounds={self.split_compounds})"

    def rows(self, sentence: str) -> list[int]:
        """Return the row of each token; tokens are separated by white space.

        A token gives one row, or one for each known part if it is split.
        """
        return [row for token in sentence.split() for row in self._token_rows(token)]

    def encode(self, sentences: Sequence[str], length: int | None = None) -> NDArray[np.int64]:
        """Turn sentences into rows of equal length.

        A longer sentence keeps its first `length` tokens; a shorter one is padded at its end.

        Args:
            sentences: Texts whose tokens are separated by white space.
            length: Tokens for each sentence, at least `MIN_LENGTH`; if not given, as many as
                the longest has, and at least `MIN_LENGTH`.

        Shape:
            - output: (N, length), int64

        Raises:
            TypeError: `sentences` is a single text.
            ValueError: `length` is below `MIN_LENGTH`.
        """
        if isinstance(sentences, str):
            raise TypeError("encode: a sequence of sentences expected, got one str; use [text]")
        if length is not None and length < MIN_LENGTH:
            raise ValueError(
                f"encode: length {length} is too short for a kernel of width {MIN_LENGTH}; "
                f"give at least {MIN_LENGTH}"
            )
        rows = [self.rows(sentence) for sentence in sentences]
        if length is None:
            length = max(MIN_LENGTH, *map(len, rows), 0)
        encoded = np.full((len(rows), length), PADDING, np.int64)
        for line, tokens in zip(encoded, rows, strict=True):
            kept = tokens[:length]
            line[: len(kept)] = kept
        return encoded

    def embed(self, sentences: Sequence[str], length: int | None = None) -> NDArray[np.float32]:
        """Return the vectors of the encoded sentences.

        For a whole data set, keep the rows and look up a mini-batch at a time with
        `vocabulary.vectors[rows]`: the vectors of all phrases fill 0.7 GB.

        Shape:
            - output: (N, length, dimensions), float32

        Raises:
            TypeError, ValueError: As for `encode`.
        """
        vectors: NDArray[np.float32] = self.vectors[self.encode(sentences, length)]
        return vectors

    def coverage(self, sentences: Sequence[str]) -> float:
        """Return the share of tokens that have a vector, or a part that has one.

        Without a single token it is 1.
        """
        tokens = [token for sentence in sentences for token in sentence.split()]
        known = sum(self._token_rows(token) != [UNKNOWN] for token in tokens)
        return known / len(tokens) if tokens else 1.0

    def _token_rows(self, token: str) -> list[int]:
        row = self._index.get(token)
        if row is not None:
            return [row + 2]
        if self.split_compounds:
            parts = [self._index.get(part) for part in _JOINTS.split(token)]
            known = [row + 2 for row in parts if row is not None]
            if known:
                return known
        return [UNKNOWN]
