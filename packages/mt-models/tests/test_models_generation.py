"""Generation: probabilities, caches, stop strings, streaming."""

from __future__ import annotations

from functools import cache
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mt_kernels_cpu import Tuned
from mt_models import generation
from mt_models.datasets import load_plain_text, split_text
from mt_models.generation import generate, generate_tokens, next_probabilities
from mt_models.networks import GPT
from mt_models.prediction import PRETRAINED_TEXT, load_language_model
from mt_models.problems import evaluate_sequences, sequences
from mt_models.tokenizers import BytePairTokenizer, CharacterTokenizer

LOGITS = arrays(np.float64, st.integers(1, 8), elements=st.floats(-20, 20))
LETTERS = CharacterTokenizer.of("\nabcde")


def network(context: int = 4) -> GPT:
    backend = Tuned(np.float64)
    model = GPT(6, width=8, heads=2, layers=2, context=context, tied=False, rng=1, backend=backend)
    # Larger weights, so that the tokens have different probabilities.
    for parameter in model.parameters():
        if parameter.value.dims == 2:
            parameter.update(parameter.value.detach() * 20.0)
    return model


MODEL = network()


@given(LOGITS, st.floats(0.1, 3.0))
def test_probabilities_are_the_softmax_of_scaled_logits(
    logits: np.ndarray, temperature: float
) -> None:
    found = next_probabilities(logits, temperature=temperature)
    powers = np.exp(logits / temperature)
    np.testing.assert_allclose(found, powers / powers.sum(), rtol=1e-9)


@given(LOGITS, st.integers(1, 10), st.floats(0.01, 1.0))
def test_top_k_and_top_p_keep_the_most_probable_tokens(
    logits: np.ndarray, top_k: int, top_p: float
) -> None:
    whole = next_probabilities(logits)
    best = next_probabilities(logits, top_k=top_k)
    assert np.count_nonzero(best) <= top_k
    kept = np.flatnonzero(best)
    assert whole[kept].min() >= np.delete(whole, kept).max(initial=0.0)
    np.testing.assert_allclose(best[kept], whole[kept] / whole[kept].sum(), rtol=1e-9)
    nucleus = np.flatnonzero(next_probabilities(logits, top_p=top_p))
    # The fewest tokens that reach the total.
    assert whole[nucleus].sum() >= top_p - 1e-12
    assert whole[nucleus].sum() - whole[nucleus].min() < top_p + 1e-12


def test_temperature_0_draws_the_most_probable_token() -> None:
    assert next_probabilities(np.array([1.0, 3.0, 3.0]), temperature=0).tolist() == [0, 1, 0]
    assert next_probabilities(np.array([-np.inf, 0.0])).tolist() == [0, 1]
    for logits in ([np.nan, 1.0], [np.inf, 1.0], [-np.inf, -np.inf]):
        with pytest.raises(ValueError, match="NaN or infinite"):
            next_probabilities(np.array(logits))


@pytest.mark.parametrize("context", [1, 2, 5])
@pytest.mark.parametrize("prompt", [1, 5, 9])
def test_cached_tokens_equal_plain_ones_beyond_the_context(context: int, prompt: int) -> None:
    model = network(context)
    ids = np.random.default_rng(0).integers(0, 6, prompt)
    cached, plain = (
        list(islice(generate_tokens(model, ids, seed=5, cached=each), 4 * context + 3))
        for each in (True, False)
    )
    assert [token.number for token in cached] == [token.number for token in plain]
    for one, other in zip(cached, plain, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=1e-9)


def test_a_full_window_keeps_its_last_half() -> None:
    tokens = list(islice(generate_tokens(MODEL, [1, 2, 3, 4], seed=0), 2))
    window = [4, tokens[0].number]
    logits = MODEL.next_logits([window]).to_numpy()[0]
    np.testing.assert_allclose(tokens[1].probabilities, next_probabilities(logits), rtol=1e-9)


def test_tokens_are_those_that_choice_draws() -> None:
    tokens = list(islice(generate_tokens(MODEL, [1], top_k=4, seed=3), 30))
    rng = np.random.default_rng(3)
    drawn = [int(rng.choice(6, p=token.probabilities)) for token in tokens]
    assert [token.number for token in tokens] == drawn


@cache
def text_of(seed: int) -> str:
    return "".join(generate(MODEL, LETTERS, "ab", length=20, seed=seed))


@given(st.integers(0, 2), st.integers(0, 20), st.lists(st.text("abcde\n", min_size=1), max_size=3))
@settings(max_examples=20)
def test_a_text_ends_before_the_first_complete_stop_string(
    seed: int, at: int, stop: list[str]
) -> None:
    whole = text_of(seed)
    assert len(whole) == 20
    stop = [*stop, whole[at : at + 3]] if whole[at : at + 3] else stop
    pieces = list(generate(MODEL, LETTERS, "ab", length=20, seed=seed, stop=stop))
    expected = whole
    for read in (whole[:length] for length in range(21)):
        if starts := [read.find(each) for each in stop if each in read]:
            expected = whole[: min(starts)]
            break
    assert "".join(pieces) == expected
    assert all(pieces)
    if len(stop) == 1:
        assert list(generate(MODEL, LETTERS, "ab", length=20, seed=seed, stop=stop[0])) == pieces


def test_pieces_are_yielded_one_by_one() -> None:
    pieces = generate(MODEL, LETTERS, "a", length=10**9, seed=0)
    assert all(len(piece) == 1 for piece in islice(pieces, 10))
    first, second = ("".join(generate(MODEL, LETTERS, "a", length=30, seed=s)) for s in (0, 0))
    assert first == second
    assert first != "".join(generate(MODEL, LETTERS, "a", length=30, seed=1))
    assert MODEL.training


def test_an_empty_prompt_means_a_line_end() -> None:
    texts = ("".join(generate(MODEL, LETTERS, each, length=20, seed=0)) for each in ("", "\n"))
    assert len(set(texts)) == 1


@given(st.text(st.characters(codec="utf-8", exclude_characters="�"), max_size=20))
def test_a_character_of_several_tokens_is_one_piece(text: str) -> None:
    tokenizer = BytePairTokenizer.of("a small text", 260)
    pieces = list(generation._decoded(tokenizer, tokenizer.encode(text).tolist()))
    assert "".join(pieces) == text
    assert not any("�" in piece for piece in pieces)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"length": -1}, "length is -1"),
        ({"stop": ["a", ""]}, "a stop string is empty"),
        ({"prompt": "xyz"}, "contains 'x', 'y', 'z'"),
    ],
)
def test_errors_are_raised_at_the_call(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(MODEL, LETTERS, **{"prompt": "a", **options})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no token to begin with"):
        generate_tokens(MODEL, [])


def test_the_network_of_the_package_knows_shakespeare() -> None:
    model = load_language_model(PRETRAINED_TEXT)
    text = load_plain_text()
    assert model.tokenizer.tokens == tuple(sorted(set(text)))
    part = sequences(model.tokenizer.encode(split_text(text)[1][:3000]), 64)
    evaluation = evaluate_sequences(model.network, part, model.tokenizer.tokens)
    # The published loss is that of the whole validation text.
    assert evaluation.loss == pytest.approx(1.8951, abs=0.15)
    assert not model.network.training
