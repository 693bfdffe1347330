"""Vocabulary: encoding of texts, and coverage of SST-2."""

from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models import datasets
from mt_models.datasets import MIN_LENGTH, PADDING, UNKNOWN, Glove, Vocabulary

WORDS = ("the", "film", "is", "fine", "well-made", "made", "dumbed", "down", "and", "or", "-")
VECTORS = np.arange(1, 23, dtype=np.float32).reshape(11, 2)
GLOVE = Glove(WORDS, VECTORS, MappingProxyType({word: i for i, word in enumerate(WORDS)}))
ROW = {word: i + 2 for i, word in enumerate(WORDS)}

VOCABULARY = Vocabulary(GLOVE)
WHOLE = Vocabulary(GLOVE, split_compounds=False)

tokens = st.sampled_from([*WORDS, "unheard", "dumbed-down", "and/or", "never-seen", "made-up"])
sentences = st.lists(st.lists(tokens, max_size=9).map(" ".join), max_size=5)


@pytest.fixture(scope="module")
def glove() -> Glove:
    return datasets.load_glove()


class TestTable:
    def test_two_rows_of_zeros_and_the_vectors(self) -> None:
        assert len(VOCABULARY) == 2 + len(WORDS)
        assert VOCABULARY.vectors.dtype == np.float32
        np.testing.assert_array_equal(VOCABULARY.vectors[[PADDING, UNKNOWN]], np.zeros((2, 2)))
        np.testing.assert_array_equal(VOCABULARY.vectors[2:], VECTORS)

    def test_the_vectors_are_read_only(self) -> None:
        assert not VOCABULARY.vectors.flags.writeable

    def test_short_repr(self) -> None:
        assert repr(VOCABULARY) == "Vocabulary(13 rows, split_compounds=True)"


class TestRows:
    @pytest.mark.parametrize(
        ("token", "parts", "whole"),
        [
            ("film", ["film"], ["film"]),
            ("well-made", ["well-made"], ["well-made"]),  # the compound has a vector
            ("dumbed-down", ["dumbed", "down"], [None]),
            ("and/or", ["and", "or"], [None]),
            ("made-up", ["made"], [None]),  # unknown parts are dropped
            ("up-made-and/or", ["made", "and", "or"], [None]),
            ("never-seen", [None], [None]),
            ("-", ["-"], ["-"]),
            ("--", [None], [None]),
            ("Film", [None], [None]),  # only lower case has vectors
        ],
    )
    def test_fallback(self, token: str, parts: list[str | None], whole: list[str | None]) -> None:
        def rows(words: list[str | None]) -> list[int]:
            return [UNKNOWN if word is None else ROW[word] for word in words]

        assert VOCABULARY.rows(token) == rows(parts)
        assert WHOLE.rows(token) == rows(whole)

    def test_any_white_space_separates(self) -> None:
        expected = [ROW["the"], ROW["film"], ROW["is"]]
        assert VOCABULARY.rows(" the\xa0film \t is ") == expected

    @given(sentences)
    def test_one_row_for_each_token_without_the_fallback(self, sentences: list[str]) -> None:
        for sentence in sentences:
            rows = WHOLE.rows(sentence)
            assert rows == [ROW.get(token, UNKNOWN) for token in sentence.split()]


class TestEncode:
    @given(sentences, st.none() | st.integers(MIN_LENGTH, 12))
    def test_rows_then_padding(self, sentences: list[str], length: int | None) -> None:
        encoded = VOCABULARY.encode(sentences, length)
        assert encoded.dtype == np.int64
        longest = max((len(VOCABULARY.rows(sentence)) for sentence in sentences), default=0)
        width = max(MIN_LENGTH, longest) if length is None else length
        assert encoded.shape == (len(sentences), width)
        for line, sentence in zip(encoded.tolist(), sentences, strict=True):
            rows = VOCABULARY.rows(sentence)[:width]
            assert line == rows + [PADDING] * (width - len(rows))

    def test_a_long_sentence_keeps_its_beginning(self) -> None:
        encoded = VOCABULARY.encode(["the film is fine and well-made"], 5)
        assert encoded.tolist() == [[ROW[w] for w in ("the", "film", "is", "fine", "and")]]

    def test_no_sentences(self) -> None:
        assert VOCABULARY.encode([]).shape == (0, MIN_LENGTH)
        assert VOCABULARY.encode([""]).tolist() == [[PADDING] * MIN_LENGTH]

    @pytest.mark.parametrize("length", [4, 0, -1])
    def test_a_length_below_the_minimum(self, length: int) -> None:
        with pytest.raises(ValueError, match=f"length {length} is too short.*at least 5"):
            VOCABULARY.encode(["the film"], length)

    def test_a_single_text_raises(self) -> None:
        with pytest.raises(TypeError, match=r"got one str; use \[text\]"):
            VOCABULARY.encode("the film")

    @given(sentences)
    def test_vectors(self, sentences: list[str]) -> None:
        vectors = VOCABULARY.embed(sentences, 6)
        assert vectors.shape == (len(sentences), 6, 2)
        assert vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors, VOCABULARY.vectors[VOCABULARY.encode(sentences, 6)])


class TestCoverage:
    def test_share_of_tokens(self) -> None:
        sentences = ["the film", "is dumbed-down", "never-seen"]
        assert VOCABULARY.coverage(sentences) == 4 / 5
        assert WHOLE.coverage(sentences) == 3 / 5

    def test_without_tokens(self) -> None:
        assert VOCABULARY.coverage([]) == VOCABULARY.coverage([""]) == 1.0

    @pytest.mark.parametrize(
        ("split", "parts", "whole"),
        [
            ("sentences", 99.74, 99.15),
            ("phrases", 99.73, 99.01),
            ("dev", 99.72, 99.07),
            ("test", 99.74, 99.11),
        ],
    )
    def test_of_the_embedded_sentences(
        self, glove: Glove, split: datasets.Sst2Split, parts: float, whole: float
    ) -> None:
        texts = datasets.load_sst2_split(split).texts
        coverage = Vocabulary(glove).coverage(texts)
        assert 100 * coverage == pytest.approx(parts, abs=0.005)
        coverage = Vocabulary(glove, split_compounds=False).coverage(texts)
        assert 100 * coverage == pytest.approx(whole, abs=0.005)

    @pytest.mark.parametrize(
        ("split", "longest"), [("sentences", 52), ("phrases", 52), ("dev", 48), ("test", 56)]
    )
    def test_longest_encoded_sentences(
        self, glove: Glove, split: datasets.Sst2Split, longest: int
    ) -> None:
        vocabulary = Vocabulary(glove)
        texts = datasets.load_sst2_split(split).texts
        assert vocabulary.encode(texts).shape == (len(texts), longest)
