"""Continuations of texts: windows, probabilities and attention agree with the network."""

from pathlib import Path

import numpy as np
import pytest

from mt_app.insight.texts import attention_maps, continue_text, visible
from mt_models.generation import generate, next_probabilities
from mt_models.networks import GPT
from mt_models.prediction import LanguageModel
from mt_models.tokenizers import CharacterTokenizer


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    tokenizer = CharacterTokenizer("\nabc ")
    network = GPT(5, width=8, heads=2, layers=2, context=6, rng=0)
    network.tokens.weight.update(network.tokens.weight.value.detach() * 20)
    return LanguageModel(Path("none"), network, tokenizer)


def test_steps_are_the_tokens_of_generate(model: LanguageModel) -> None:
    steps = continue_text(model, "ab", length=15, temperature=0.7, top_k=4, seed=3)
    text = "".join(
        generate(model.network, model.tokenizer, "ab", length=15, temperature=0.7, top_k=4, seed=3)
    )
    assert model.tokenizer.decode([step.number for step in steps]) == text


def test_probabilities_are_those_of_the_window(model: LanguageModel) -> None:
    steps = continue_text(model, "abcabcab", length=12, temperature=0.5, seed=1)
    assert {len(step.window) for step in steps} == {3, 4, 5, 6}
    for step in steps:
        logits = model.network.next_logits([list(step.window)]).to_numpy()[0]
        expected = next_probabilities(logits, temperature=0.5)
        np.testing.assert_allclose(step.probabilities, expected, atol=1e-9)
        assert step.probability == step.probabilities[step.number]


def test_the_likeliest_tokens_contain_the_drawn_one(model: LanguageModel) -> None:
    for step in continue_text(model, "a", length=20, temperature=2.0):
        numbers = step.likeliest(2)
        assert step.number in numbers
        assert len(numbers) == 2
        assert numbers[0] == int(np.argmax(step.probabilities))


def test_attention_has_rows_of_sum_one_and_reads_no_later_token(model: LanguageModel) -> None:
    (step,) = continue_text(model, "abcab", length=1)
    maps = attention_maps(model, step.window)
    assert maps.shape == (2, 2, 5, 5)
    np.testing.assert_allclose(maps.sum(-1), 1.0, atol=1e-12)
    assert not np.triu(maps, 1).any()


def test_unknown_characters_are_named(model: LanguageModel) -> None:
    with pytest.raises(ValueError, match="'x'"):
        continue_text(model, "ax", length=1)


def test_invisible_characters_have_symbols() -> None:
    assert visible("a\n b") == "a⏎␣b"
