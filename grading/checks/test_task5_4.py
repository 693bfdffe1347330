"""Task 5.4: self-attention with several heads."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.checking import layers
from grading.checking.compare import expect_array, expect_gradients
from grading.checking.layers import ABSOLUTE, RELATIVE, Case, expect_parameters
from grading.checking.oracles import transformer
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task5_4

CLOSE: Any = {"relative": RELATIVE, "absolute": ABSOLUTE}


@st.composite
def attentions(draw: st.DrawFn, most: int = 4) -> Case:
    """Draw an attention with parameters, an input and an upstream gradient."""
    batch, length = draw(st.integers(1, 3)), draw(st.integers(1, most))
    heads, size = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    bias, causal = draw(st.booleans()), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    return _case(rng, (batch, length, heads, size), bias, causal)


def _case(
    rng: np.random.Generator, shape: tuple[int, int, int, int], bias: bool, causal: bool
) -> Case:
    batch, length, heads, size = shape
    whole = heads * size
    sizes = {
        "n_embd": whole,
        "n_head": heads,
        "causal": causal,
        "p_dropout": 0.0,
        "bias": bias,
    }
    parameters = layers.parameters(rng, layers.attention(whole, bias), scale=2.0)
    x, upstream = (layers.numbers(rng, (batch, length, whole)) for _ in range(2))
    return Case("MultiHeadAttention", sizes, x, parameters, upstream)


@given(case=attentions())
def test_queries_keys_and_values_of_heads(subject: Subject, case: Case) -> None:
    heads = case.sizes["n_head"]
    batch, length, whole = case.x.shape
    rng = np.random.default_rng(0)
    shape = (batch, heads, length, whole // heads)
    upstreams = [layers.numbers(rng, shape) for _ in range(3)]
    upstreams[1] = upstreams[1].transpose(0, 1, 3, 2).copy()
    named = {k: v for k, v in case.parameters.items() if not k.startswith("out")}
    given = {"layer": case.layer, "sizes": dict(case.sizes), "parameters": list(named)}
    arrays = [case.x, *upstreams, *named.values()]
    response = subject.call("transformer.projection", arrays, given)
    for which, right in enumerate(transformer.project(case.x, case.parameters, heads)):
        expect_array(response, right, which=which, **CLOSE)
    total = np.zeros_like(case.x)
    gradients: dict[str, Array] = {}
    upstreams[1] = upstreams[1].transpose(0, 1, 3, 2)
    for name, upstream in zip("qkv", upstreams, strict=True):
        part = transformer.below(named, f"{name}_projection")
        d_x, found = transformer.linear(case.x, part)[1](transformer.merged(upstream))
        total = total + d_x
        gradients |= {f"{name}_projection.{key}": value for key, value in found.items()}
    right_ones = [total, None, None, None, *(gradients[name] for name in named)]
    expect_gradients(response, right_ones, **CLOSE)


HeadsCase = tuple[list[Array], dict[str, Any], Array]


@st.composite
def heads_of_attention(draw: st.DrawFn) -> HeadsCase:
    """Draw queries, transposed keys and values, the arguments, and an upstream gradient."""
    batch, heads, length, size = (draw(st.integers(1, most)) for most in (2, 3, 5, 4))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    q, k, v = (layers.numbers(rng, (batch, heads, length, size)) * 2.0 for _ in range(3))
    upstream = layers.numbers(rng, (batch, length, heads * size))
    sizes = {"n_embd": heads * size, "n_head": heads, "causal": draw(st.booleans())}
    return [q, np.ascontiguousarray(k.transpose(0, 1, 3, 2)), v], sizes, upstream


def _attention(subject: Subject, case: HeadsCase) -> None:
    tensors, sizes, upstream = case
    options = {"layer": "MultiHeadAttention", "sizes": {**sizes, "p_dropout": 0.0}}
    response = subject.call("transformer.attention", tensors, options, upstream)
    q, kt, v = tensors
    out, back = transformer.attention(q, kt, v, sizes["causal"])
    expect_array(response, out, **CLOSE)
    expect_gradients(response, list(back(upstream)), **CLOSE)


@given(case=heads_of_attention())
def test_attention_of_heads_and_gradients(subject: Subject, case: HeadsCase) -> None:
    _attention(subject, case)


def test_attention_of_long_sequences(subject: Subject) -> None:
    rng = np.random.default_rng(1)
    q, k, v = (layers.numbers(rng, (1, 2, 50, 3)) for _ in range(3))
    sizes = {"n_embd": 6, "n_head": 2, "causal": True}
    kt = np.ascontiguousarray(k.transpose(0, 1, 3, 2))
    _attention(subject, ([q, kt, v], sizes, layers.numbers(rng, (1, 50, 6))))


def _check(subject: Subject, case: Case) -> None:
    p, sizes = case.parameters, case.sizes
    out, back = transformer.multi_head(case.x, p, sizes["n_head"], sizes["causal"])
    assert case.upstream is not None
    case.expect(case.call(subject, train=True), out, *back(case.upstream))


@given(case=attentions())
@settings(max_examples=25)
def test_whole_attention_and_gradients(subject: Subject, case: Case) -> None:
    _check(subject, case)


def test_attention_of_equal_tokens(subject: Subject) -> None:
    """Check an input whose scores are all equal: the weights are equal shares."""
    case = _case(np.random.default_rng(2), (1, 4, 2, 2), True, True)
    x = np.repeat(case.x[:, :1], 4, axis=1)
    _check(subject, Case(case.layer, case.sizes, x, case.parameters, case.upstream))


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_of_an_attention(subject: Subject, bias: bool) -> None:
    sizes = {"n_embd": 6, "n_head": 2, "bias": bias}
    options = {"layer": "MultiHeadAttention", "sizes": sizes}
    response = subject.call("transformer.parameters", [], options)
    expect_parameters(response, layers.attention(6, bias))


def test_attention_without_dropout_in_evaluation(subject: Subject) -> None:
    case = _case(np.random.default_rng(3), (2, 4, 2, 2), True, True)
    dropping = Case(case.layer, {**case.sizes, "p_dropout": 0.5}, case.x, case.parameters)
    out, _ = transformer.multi_head(case.x, case.parameters, 2, True)
    dropping.expect(dropping.call(subject), out)
