"""Tokenizers: texts as sequences of token numbers, by characters or by byte-pair encoding.

A tokenizer is made from a training text, and its JSON values are part of every checkpoint, so that
a trained network needs no data to continue a text.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

TokenizerName = Literal["characters", "bpe"]
Ids = npt.NDArray[np.int64]

REPLACEMENT = "�"
"""The character that a decoder writes for bytes that are not UTF-8."""
BYTES = 256
"""The least vocabulary of byte-pair encoding: one token for each byte."""
VOCABULARY = 512
"""The default vocabulary of byte-pair encoding."""
SHOWN = 10
"""The largest number of unknown characters that an error names."""


class Tokenizer(ABC):
    """A vocabulary of tokens, and the conversion of texts.

    Attributes:
        name: The name of the kind: "characters" or "bpe".
        tokens: The text of each token, in the order of their numbers.
    """

    name: TokenizerName
    tokens: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.tokens)

    @abstractmethod
    def encode(self, text: str) -> Ids:
        """Return the token numbers of a text, shape (tokens,).

        Raises:
            ValueError: The text has characters that the vocabulary lacks.
        """

    @abstractmethod
    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Return the text of token numbers. Bytes that are not UTF-8 become U+FFFD."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return JSON values, from which `tokenizer_from_json` makes an equal tokenizer."""


class CharacterTokenizer(Tokenizer):
    """A token for each different character.

    >>> tokenizer = CharacterTokenizer.of("hello")
    >>> tokenizer.tokens, tokenizer.encode("hole").tolist()
    (('e', 'h', 'l', 'o'), [1, 3, 2, 0])
    """

    name = "characters"

    def __init__(self, tokens: Sequence[str]) -> None:
        """Make a tokenizer of characters, numbered in their order.

        Raises:
            ValueError: There are none, one occurs twice, or one is not a single character.
        """
        self.tokens = tuple(tokens)
        if not self.tokens or len(set(self.tokens)) < len(self.tokens):
            raise ValueError(
                f"CharacterTokenizer: {len(self.tokens)} tokens, {len(set(self.tokens))} of them "
                "different; pass different characters, at least one"
            )
        if any(len(token) != 1 for token in self.tokens):
            raise ValueError("CharacterTokenizer: each token must be a single character")
        self._numbers = {token: number for number, token in enumerate(self.tokens)}

    @classmethod
    def of(cls, text: str) -> "CharacterTokenizer":
        """Return the tokenizer of the characters of a text, sorted by code point."""
        return cls(sorted(set(text)))

    def encode(self, text: str) -> Ids:
        """Return the number of each character, shape (characters,).

        Raises:
            ValueError: The vocabulary lacks a character of the text.
        """
        unknown = sorted(set(text) - set(self.tokens))
        if unknown:
            more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
            raise ValueError(
                f"the text contains {', '.join(map(repr, unknown[:SHOWN]))}{more}, and the network "
                f"knows only these {len(self.tokens)} characters: {''.join(self.tokens)!r}; leave "
                "them out, or train a network on a text that contains them"
            )
        return np.fromiter((self._numbers[character] for character in text), np.int64, len(text))

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Return the text of token numbers."""
        return "".join(self.tokens[number] for number in ids)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; see `Tokenizer.to_json`."""
        return {"name": self.name, "tokens": list(self.tokens)}


class BytePairTokenizer(Tokenizer):
    """Byte-pair encoding of UTF-8 bytes (Sennrich et al. 2016; Radford et al. 2019).

    The vocabulary begins with the 256 bytes, so that it can encode every text. Each further token
    joins the pair of tokens that is most frequent in the training text. The algorithm is that of
    the package ``tokenizers``.
    """

    name = "bpe"

    def __init__(self, definition: str) -> None:
        """Make a tokenizer of a JSON text that ``tokenizers.Tokenizer.to_str`` wrote.

        Raises:
            ValueError: The text is not one of these.
            ImportError: The package ``tokenizers`` is not installed.
        """
        package = _package()
        try:
            self._inner = package.Tokenizer.from_str(definition)
        except Exception as error:  # The package has no class of its own.
            raise ValueError(f"BytePairTokenizer: the definition is not valid: {error}") from error
        size = self._inner.get_vocab_size()
        self.tokens = tuple(map(self._text, range(size)))

    @classmethod
    def of(cls, text: str, vocabulary: int) -> "BytePairTokenizer":
        """Train a tokenizer on a text.

        Args:
            text: The training text.
            vocabulary: The largest number of tokens, 256 or more. A short text gives fewer.

        Raises:
            ValueError: The vocabulary is smaller than 256.
            ImportError: The package ``tokenizers`` is not installed.
        """
        if vocabulary < BYTES:
            raise ValueError(
                f"BytePairTokenizer: the vocabulary (--vocabulary) is {vocabulary}; pass at least "
                f"{BYTES}, one token for each byte"
            )
        package = _package()
        inner = package.Tokenizer(package.models.BPE())
        inner.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = package.decoders.ByteLevel()
        trainer = package.trainers.BpeTrainer(
            vocab_size=vocabulary,
            initial_alphabet=package.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        inner.train_from_iterator(text.splitlines(keepends=True), trainer)
        return cls(inner.to_str())

    def _text(self, number: int) -> str:
        """Return the text of a token; in angle brackets that of bytes that are not UTF-8."""
        text = self.decode([number])
        return f"<{self._inner.id_to_token(number)}>" if REPLACEMENT in text else text

    def encode(self, text: str) -> Ids:
        """Return the token numbers of a text, shape (tokens,)."""
        return np.array(self._inner.encode(text).ids, np.int64)

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Return the text of token numbers. Bytes that are not UTF-8 become U+FFFD."""
        return str(self._inner.decode([int(number) for number in ids], skip_special_tokens=False))

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; see `Tokenizer.to_json`."""
        return {"name": self.name, "definition": self._inner.to_str()}


def make_tokenizer(name: TokenizerName, text: str, vocabulary: int | None = None) -> Tokenizer:
    """Return the tokenizer of a kind for a training text.

    Args:
        name: "characters" or "bpe".
        text: The training text.
        vocabulary: The largest number of tokens of byte-pair encoding, by default `VOCABULARY`.

    Raises:
        ValueError, ImportError: As for `BytePairTokenizer.of`.
    """
    if name == "characters":
        return CharacterTokenizer.of(text)
    return BytePairTokenizer.of(text, vocabulary or VOCABULARY)


def tokenizer_from_json(values: Mapping[str, Any]) -> Tokenizer:
    """Make a tokenizer from a result of `Tokenizer.to_json`.

    Raises:
        ValueError: The kind does not exist, or its values are missing or have other types.
        ImportError: The kind is "bpe", and the package ``tokenizers`` is not installed.
    """
    try:
        if values["name"] == CharacterTokenizer.name:
            return CharacterTokenizer(values["tokens"])
        if values["name"] == BytePairTokenizer.name:
            return BytePairTokenizer(values["definition"])
    except KeyError as error:
        raise ValueError(f"the values of a tokenizer lack {error}") from error
    except TypeError as error:
        raise ValueError(f"the values are not those of a tokenizer: {error}") from error
    raise ValueError(f"tokenizer {values['name']!r} does not exist; allowed: 'characters', 'bpe'")


def shown_token(token: str) -> str:
    r"""Return a token as it is shown in pictures and tables: a space as ␣, a line end as ↵."""
    shown = token.replace(" ", "␣").replace("\n", "↵")
    return shown if shown.isprintable() else ascii(token)[1:-1]


def _package() -> Any:
    """Return the package ``tokenizers``, an optional dependency."""
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            "byte-pair encoding needs the package tokenizers; install it with "
            "`pip install tokenizers`, or use the tokenizer of characters"
        ) from error
    return tokenizers
