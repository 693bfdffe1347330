"""Encoding of sentences as rows of a table of vectors.

Row 0 is padding and row 1 represents every unknown word; both are zeros, so that they contribute
nothing to a convolution. The words of the GloVe table follow in the order of the table.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mt_models.datasets.glove import Glove

PADDING = 0
UNKNOWN = 1
MIN_LENGTH = 5
"""The smallest length of an encoded sentence, in tokens: the widest kernel of the sentence CNN.

With a smaller value the convolution raises `ShapeError` for short sentences.
"""

_JOINTS = re.compile("[-/]")


class Vocabulary:
    """A map from tokens to rows.

    A compound with hyphens or slashes that has no vector is replaced by those of its parts that
    have one: "dumbed-down" becomes the two tokens "dumbed" and "down". On SST-2 this raises the
    share of tokens with a vector from 99.1 % to 99.7 %, and the length of the longest sentence of
    the embedded files does not change.
    """

    def __init__(self, glove: Glove, *, split_compounds: bool = True) -> None:
        """Build the table: two rows of zeros, then the vectors of a GloVe table.

        Args:
            glove: Words and vectors.
            split_compounds: True replaces a compound without a vector by its parts.
        """
        reserved = np.zeros((2, glove.vectors.shape[1]), np.float32)
        self.vectors: NDArray[np.float32] = np.concatenate([reserved, glove.vectors])
        """The vectors, shape (2 + words, dimensions), read-only: row r is the vector of token r."""
        self.vectors.flags.writeable = False
        self.split_compounds = split_compounds
        self._index = glove.index

    def __len__(self) -> int:
        return len(self.vectors)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} rows, split_compounds={self.split_compounds})"

    def rows(self, sentence: str) -> list[int]:
        """Return the row of each token; tokens are separated by white space.

        A token has one row. A token that is split has one row for each part with a vector.
        """
        return [row for token in sentence.split() for row in self._token_rows(token)]

    def encode(self, sentences: Sequence[str], length: int | None = None) -> NDArray[np.int64]:
        """Encode sentences as rows of equal length.

        A longer sentence keeps its first `length` tokens; a shorter one is padded at its end.

        Args:
            sentences: Texts whose tokens are separated by white space.
            length: The number of tokens, at least `MIN_LENGTH`; by default that of the longest
                sentence, and at least `MIN_LENGTH`.

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
                f"pass at least {MIN_LENGTH}"
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

        For a whole data set, store the rows and look up one mini-batch at a time with
        `vocabulary.vectors[rows]`: the vectors of all phrases need 0.7 GB.

        Shape:
            - output: (N, length, dimensions), float32

        Raises:
            TypeError, ValueError: As for `encode`.
        """
        vectors: NDArray[np.float32] = self.vectors[self.encode(sentences, length)]
        return vectors

    def coverage(self, sentences: Sequence[str]) -> float:
        """Return the share of tokens that have a vector, or a part that has one.

        The share of no tokens is 1.
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
