"""Tokenisation of text in the form of SST-2."""

import unicodedata
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mt_models import datasets
from mt_models.datasets import plain_characters, tokenise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's a charming and often affecting journey.", None),
        ("I loved it. You'll hate it!", "i loved it . you 'll hate it !"),
        ("You can't, won’t and don't care", "you ca n't , wo n't and do n't care"),
        ("A “great” film (really)?", "a `` great '' film ( really ) ?"),
        ('He said: "fine."', "he said : `` fine . ''"),
        ("slow—painfully so -- and long", "slow -- painfully so -- and long"),
        ("self-aware, well-made", "self-aware , well-made"),
        ("so... what…", "so ... what ..."),
        ("10,000 fans at 9:30.", "10,000 fans at 9:30 ."),
        ("Mr. Smith's E.T. is 1.8 times better", "mr. smith 's e.t. is 1.8 times better"),
        ("the actors' day", "the actors ' day"),
        ("I cannot; CANNOT.", "i can not ; can not ."),
        ("isn´t isn`t isnʼt ISN＇T isn′t isn‛t", " ".join(["is n't"] * 6)),
        ("it isnt, dont and wouldnt", "it is n't , do n't and would n't"),
        ("5′10″ and `quoted`", "5′10″ and `quoted`"),
        ("№5, mc², ½™ and ℃", "№5 , mc² , ½™ and ℃"),
        ("ｆｕｎｎｙ！ 𝐟𝐮𝐧𝐧𝐲 ﬁne ﬁlm", "funny ! funny fine film"),
        ("  \t\n ", ""),
        ("", ""),
    ],
)
def test_examples(text: str, expected: str | None) -> None:
    if expected is None:
        expected = datasets.load_sst2_split("dev").texts[0]
    assert tokenise(text) == expected


@given(st.text())
def test_tokens_are_separated_by_single_spaces_and_keep_all_letters(text: str) -> None:
    tokenised = tokenise(text)
    assert tokenised == " ".join(tokenised.split())
    letters = [character for character in plain_characters(text).lower() if character.isalnum()]
    assert [character for character in tokenised if character.isalnum()] == letters


@given(st.text())
def test_composed_and_combined_accents_give_the_same_tokens(text: str) -> None:
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")}
    assert {tokenise(form) for form in forms} == {tokenise(text)}


@given(st.lists(st.sampled_from([*"aé.' -", "n't", "e\u0301", "ﬁ"])), st.data())
def test_characters_without_width_change_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    place = data.draw(st.integers(0, len(text)))
    invisible = data.draw(st.sampled_from("\u00ad\u034f\u200b\u200c\u200d\u2060\ufe0f\ufeff"))
    assert tokenise(text[:place] + invisible + text[place:]) == tokenise(text)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_full_width_text_is_read_as_ascii(text: str) -> None:
    """The block of full-width forms repeats ASCII at a distance of 0xFEE0."""
    assert tokenise("".join(chr(ord(character) + 0xFEE0) for character in text)) == tokenise(text)


@given(st.text(st.characters(max_codepoint=0x17F, exclude_categories=("Cf", "Cs"))))
def test_latin_letters_do_not_change(text: str) -> None:
    assume(not set(text) & set("ſŉĲĳĿŀµ"))  # Ligatures, an old form of s, and mu.
    assert plain_characters(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("split", get_args(datasets.Sst2Split))
def test_tokenised_text_does_not_change(split: datasets.Sst2Split) -> None:
    """The exceptions are words such as "ol'" and "rock 'n' roll": less than four in a thousand."""
    texts = datasets.load_sst2_split(split).texts
    changed = [text for text in texts if tokenise(text) != " ".join(text.split())]
    assert len(changed) < 0.004 * len(texts)
