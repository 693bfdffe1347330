"""Task 5.5: the network of a layer, the layer, and the language model."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.accuracy import Record, check_text
from grading.checking import layers
from grading.checking.compare import expect
from grading.checking.layers import Case, expect_parameters
from grading.checking.oracles import transformer
from grading.protocol.messages import Array, Response, Subject
from grading.tasks.table import table

pytestmark = pytest.mark.task5_5

SHARE = 0.5
"""The probability of dropout in the checks that need some."""


# The network of a layer


@st.composite
def networks(draw: st.DrawFn) -> Case:
    """Draw a network with parameters, an input and an upstream gradient."""
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 4)))
    bias = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    sizes: dict[str, Any] = {"n_embd": shape[-1], "p_dropout": 0.0, "bias": bias}
    middle = draw(st.sampled_from([3, None]))
    if middle is not None:
        sizes["middle_dim"] = middle
    parameters = layers.parameters(
        rng, layers.network(shape[-1], middle or layers.MIDDLE, bias), scale=2.0
    )
    x, upstream = layers.numbers(rng, shape), layers.numbers(rng, shape)
    return Case("FeedForward", sizes, x, parameters, upstream)


@given(case=networks())
@settings(max_examples=25)
def test_network_of_each_position_and_gradients(subject: Subject, case: Case) -> None:
    out, back = transformer.feed_forward(case.x, case.parameters)
    assert case.upstream is not None
    case.expect(case.call(subject), out, *back(case.upstream))


def _expect_dropped(response: Response, received: Array, whole: Array, where: str) -> None:
    """Require that some elements are 0 and the others divided by the probability to keep one."""
    kept = np.abs(received) > 1e-9
    share = float(kept.mean())
    # With 240 elements, one of 7e7 runs has a share further than 0.35 from a half.
    message = f"dropout {where} keeps {share:.0%} of the elements, expected about 50 %"
    expect(abs(share - SHARE) < 0.35, message, response)
    scaled = bool(np.allclose(received[kept], whole[kept] / (1.0 - SHARE), rtol=1e-3, atol=1e-3))
    expect(scaled, f"an element that dropout {where} keeps is not divided by 0.5", response)


def test_dropout_at_the_end_of_the_network(subject: Subject) -> None:
    rng = np.random.default_rng(4)
    x = layers.numbers(rng, (2, 30, 4))
    parameters = layers.parameters(rng, layers.network(4), scale=2.0)
    case = Case("FeedForward", {"n_embd": 4, "p_dropout": SHARE}, x, parameters)
    out, _ = transformer.feed_forward(x, parameters)
    response = case.call(subject, train=True)
    expect(response.array.shape == out.shape, f"expected the shape {out.shape}", response)
    _expect_dropped(response, response.array, out, "at the end of the network")
    case.expect(case.call(subject), out)


# The layer


@st.composite
def blocks(draw: st.DrawFn) -> Case:
    """Draw a layer with parameters, an input and an upstream gradient."""
    batch, length = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    heads, size = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    return _block(rng, (batch, length, heads, size), draw(st.booleans()))


def _block(rng: np.random.Generator, shape: tuple[int, int, int, int], bias: bool = True) -> Case:
    batch, length, heads, size = shape
    whole = heads * size
    # A large `eps`, because vectors of one or two numbers may have small variances.
    sizes = {"n_embd": whole, "n_head": heads, "p_dropout": 0.0, "ln_eps": 0.25, "bias": bias}
    parameters = layers.parameters(rng, layers.block(whole, bias), scale=2.0)
    x, upstream = (layers.numbers(rng, (batch, length, whole)) for _ in range(2))
    return Case("TransformerLayer", sizes, x, parameters, upstream)


def _layer(case: Case) -> tuple[Array, transformer.Pullback]:
    sizes = case.sizes
    return transformer.layer(case.x, case.parameters, sizes["n_head"], sizes["ln_eps"])


@given(case=blocks())
@settings(max_examples=20)
def test_layer_and_gradients(subject: Subject, case: Case) -> None:
    out, back = _layer(case)
    assert case.upstream is not None
    case.expect(case.call(subject, train=True), out, *back(case.upstream), absolute=1e-3)


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_of_a_layer(subject: Subject, bias: bool) -> None:
    sizes = {"n_embd": 4, "n_head": 2, "bias": bias}
    options = {"layer": "TransformerLayer", "sizes": sizes}
    response = subject.call("transformer.parameters", [], options)
    expect_parameters(response, layers.block(4, bias))


def test_dropout_in_a_layer(subject: Subject) -> None:
    """Check a layer whose attention is zero, because its dropout may act in several places."""
    case = _block(np.random.default_rng(5), (2, 30, 2, 2))
    silent = {
        name: value * 0.0 if name.startswith("attention.out_projection") else value
        for name, value in case.parameters.items()
    }
    dropping = Case(case.layer, {**case.sizes, "p_dropout": SHARE}, case.x, silent)
    out, _ = _layer(dropping)
    response = dropping.call(subject, train=True)
    expect(response.array.shape == out.shape, f"expected the shape {out.shape}", response)
    _expect_dropped(response, response.array - case.x, out - case.x, "in the layer")
    dropping.expect(dropping.call(subject), out)


# The model


@st.composite
def models(draw: st.DrawFn) -> Case:
    """Draw a model with parameters, tokens and an upstream gradient."""
    batch, length, tokens = (draw(st.integers(1, most)) for most in (2, 5, 4))
    heads, positions = draw(st.integers(1, 2)), length + draw(st.integers(0, 2))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    return _model(rng, (batch, length), tokens, heads, positions, draw(st.booleans()))


def _model(
    rng: np.random.Generator,
    shape: tuple[int, int],
    tokens: int,
    heads: int,
    positions: int,
    bias: bool = True,
) -> Case:
    whole = 2 * heads
    sizes = {
        "n_vocab": tokens,
        "n_embd": whole,
        "n_head": heads,
        "n_positions": positions,
        "p_dropout": 0.0,
        "ln_eps": 0.25,
        "bias": bias,
    }
    parameters = layers.parameters(rng, layers.decoder(tokens, whole, positions, bias), scale=2.0)
    upstream = layers.numbers(rng, (*shape, tokens))
    ids = rng.integers(0, tokens, shape).astype(np.float64)
    return Case("DecoderLM", sizes, ids, parameters, upstream)


def _scores(case: Case) -> tuple[Array, Any]:
    sizes = case.sizes
    return transformer.decoder(case.x, case.parameters, sizes["n_head"], sizes["ln_eps"])


@given(case=models())
@settings(max_examples=12)
def test_scores_and_gradients(subject: Subject, case: Case) -> None:
    out, back = _scores(case)
    assert case.upstream is not None
    case.expect(case.call(subject, train=True), out, None, back(case.upstream), absolute=1e-3)


def test_scores_of_earlier_positions(subject: Subject) -> None:
    """Check at every position that a token does not change the scores before it."""
    case = _model(np.random.default_rng(6), (1, 8), 4, 2, 8)
    before = case.call(subject)
    expect(before.array.shape == (1, 8, 4), "expected the shape (1, 8, 4)", before)
    for position in range(8):
        ids = case.x.copy()
        ids[0, position] = (ids[0, position] + 1) % 4
        after = Case(case.layer, case.sizes, ids, case.parameters).call(subject)
        expect(after.array.shape == (1, 8, 4), "expected the shape (1, 8, 4)", after)
        changed = np.abs(after.array - before.array).max(axis=(0, 2)) > 1e-5
        message = f"the token at position {position} changes the scores before it"
        expect(not changed[:position].any(), message, after)
        message = f"the token at position {position} does not change its own scores"
        expect(bool(changed[position]), message, after)


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_of_the_model(subject: Subject, bias: bool) -> None:
    sizes = {"n_vocab": 5, "n_embd": 4, "n_head": 2, "n_positions": 3, "bias": bias}
    options = {"layer": "DecoderLM", "sizes": sizes}
    response = subject.call("transformer.parameters", [], options)
    expect_parameters(response, layers.decoder(5, 4, 3, bias))


def test_dropout_after_the_embeddings(subject: Subject) -> None:
    """Check a model whose layers add nothing."""
    case = _model(np.random.default_rng(7), (2, 6), 4, 2, 6)
    last = ("attention.out_projection", "ff.linear_out")
    silent = {
        name: value * (0.0 if any(part in name for part in last) else 1.0)
        for name, value in case.parameters.items()
    }
    dropping = Case(case.layer, {**case.sizes, "p_dropout": SHARE}, case.x, silent)
    out, _ = _scores(dropping)
    dropping.expect(dropping.call(subject), out)
    response = dropping.call(subject, train=True, calls=2)
    first, second = response.arrays
    message = "two calls in training have equal scores: there is no dropout after the embeddings"
    expect(not np.allclose(first, second), message, response)


def test_evaluation_without_dropout(subject: Subject) -> None:
    case = _model(np.random.default_rng(8), (2, 4), 4, 2, 4)
    dropping = Case(case.layer, {**case.sizes, "p_dropout": SHARE}, case.x, case.parameters)
    dropping.expect(dropping.call(subject), _scores(case)[0], absolute=1e-3)


@pytest.mark.accuracy
def test_loss_on_text(subject: Subject, record_property: Record) -> None:
    check_text(subject, table().task("5.5").accuracy["text"], record_property)
