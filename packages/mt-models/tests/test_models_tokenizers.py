"""Tokenizers: round trips, JSON values, errors."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models.datasets import load_plain_text
from mt_models.tokenizers import (
    BytePairTokenizer,
    CharacterTokenizer,
    make_tokenizer,
    shown_token,
    tokenizer_from_json,
)


@cache
def pairs() -> BytePairTokenizer:
    return BytePairTokenizer.of(load_plain_text()[:20_000], 300)


@given(st.text(min_size=1, max_size=30))
def test_characters_are_restored(text: str) -> None:
    tokenizer = CharacterTokenizer.of(text)
    assert list(tokenizer.tokens) == sorted(set(text))
    ids = tokenizer.encode(text)
    assert len(ids) == len(text)
    assert tokenizer.decode(ids) == text


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_byte_pairs_restore_every_text(text: str) -> None:
    ids = pairs().encode(text)
    assert len(ids) <= len(text.encode())
    assert pairs().decode(ids) == text


def test_byte_pairs_join_the_most_frequent_pair_first() -> None:
    tokenizer = BytePairTokenizer.of("ababab abab cc", 258)
    assert len(tokenizer) == 258
    assert tokenizer.tokens[256] == "ab"
    assert len(set(pairs().tokens)) == len(pairs()) == 300


@pytest.mark.parametrize("tokenizer", [CharacterTokenizer.of("né a"), pairs()])
def test_json_values_make_an_equal_tokenizer(tokenizer: CharacterTokenizer) -> None:
    copy = tokenizer_from_json(tokenizer.to_json())
    assert type(copy) is type(tokenizer)
    assert copy.tokens == tokenizer.tokens
    assert copy.to_json() == tokenizer.to_json()
    assert copy.encode("né a").tolist() == tokenizer.encode("né a").tolist()


def test_unknown_characters_are_named() -> None:
    tokenizer = CharacterTokenizer.of("abc")
    with pytest.raises(ValueError, match=r"contains 'd', 'é', and the network knows only.*'abc'"):
        tokenizer.encode("abécd")
    with pytest.raises(ValueError, match="'h', 'i', 'j', 'k', 'l', 'm' and 4 more"):
        tokenizer.encode("defghijklmnopq")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "lack 'name'"),
        ([], "not those of a tokenizer"),
        ({"name": "words"}, "does not exist"),
        ({"name": "characters"}, "lack 'tokens'"),
        ({"name": "characters", "tokens": 5}, "not those of a tokenizer"),
        ({"name": "characters", "tokens": [1]}, "not those of a tokenizer"),
        ({"name": "bpe", "definition": "{"}, "definition is not valid"),
        ({"name": "bpe", "definition": None}, "definition is not valid"),
    ],
)
def test_other_json_values_raise_an_error(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tokenizer_from_json(values)


@pytest.mark.parametrize("tokens", [[], ["a", "a"], ["ab"], [""]])
def test_tokens_are_different_single_characters(tokens: list[str]) -> None:
    with pytest.raises(ValueError, match="CharacterTokenizer"):
        CharacterTokenizer(tokens)


def test_a_small_vocabulary_names_the_least_one() -> None:
    with pytest.raises(ValueError, match="is 255; pass at least 256"):
        make_tokenizer("bpe", "text", 255)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match="pip install tokenizers"):
        make_tokenizer("bpe", "text")


def test_white_space_is_shown() -> None:
    assert [shown_token(token) for token in ("a b", "\n", "\t", "é")] == ["a␣b", "↵", "\\t", "é"]
