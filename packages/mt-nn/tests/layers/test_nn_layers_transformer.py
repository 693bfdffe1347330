"""Layers of transformers: normalisation, attention with its cache, and the block."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_autodiff import Tensor, concatenate, grad_check, no_grad, randn
from mt_kernels_cpu import Tuned
from mt_nn import (
    SGD,
    AdamW,
    KeyValueCache,
    LayerNorm,
    Linear,
    MultiHeadAttention,
    RMSNorm,
    TransformerBlock,
    attention,
    capture,
    cross_entropy,
    decay_groups,
    layer_norm,
)
from mt_tensor import Reference, ShapeError

BACKENDS = [Reference(), Tuned(np.float64), Tuned()]
backends = pytest.mark.parametrize("backend", BACKENDS, ids=repr)


def close(backend: Any) -> Any:
    tolerance = 2e-5 if backend.dtype == np.float32 else 1e-11
    return {"rtol": tolerance, "atol": tolerance}


@settings(max_examples=20)
@given(pieces=st.lists(st.integers(1, 4), min_size=1, max_size=4), seed=st.integers(0, 5))
def test_the_cache_gives_the_same_results_as_the_whole_sequence(
    pieces: list[int], seed: int
) -> None:
    for backend in BACKENDS:
        block = TransformerBlock(6, 3, rng=seed, backend=backend)
        x = randn((2, sum(pieces), 6), rng=seed, backend=backend)
        cache = KeyValueCache(2, sum(pieces) + 1, 6, backend=backend)
        ends = np.cumsum([0, *pieces])
        with no_grad():
            parts = [block(x[:, first:last], cache=cache) for first, last in pairwise(ends)]
        assert cache.length == x.shape[1]
        np.testing.assert_allclose(concatenate(parts, 1), block(x).detach(), **close(backend))


def test_a_cache_is_cleared_and_has_a_capacity() -> None:
    cache = KeyValueCache(1, 3, 2)
    ones = randn((1, 2, 2), rng=0)
    cache.append(ones, ones)
    with pytest.raises(ShapeError, match=r"4 positions exceed the capacity 3.*clear\(\)"):
        cache.append(ones, ones)
    assert (cache.length, repr(cache)) == (2, "KeyValueCache(1, 3, 2, length=2)")
    cache.clear()
    keys, values = cache.append(ones, -ones)
    np.testing.assert_array_equal(keys, ones)
    np.testing.assert_array_equal(values, -ones)
    with pytest.raises(ShapeError, match=r"expected \(1, positions, 2\) twice"):
        cache.append(randn((2, 1, 2)), randn((2, 1, 2)))
    with pytest.raises(ValueError, match="capacity 0 must be an integer, 1 or more"):
        KeyValueCache(1, 0, 2)
    layer = MultiHeadAttention(2, 1)
    with pytest.raises(ValueError, match="a cache needs causal self-attention"):
        layer(ones, cache=cache)
    with pytest.raises(ShapeError, match=r"key_mask of shape \(1, 1\).*expected \(1, 3\)"):
        MultiHeadAttention(2, 1, causal=True)(ones[:, :1], key_mask=np.ones((1, 1)), cache=cache)
    assert cache.length == 2


@backends
def test_hidden_keys_do_not_change_the_result(backend: Any) -> None:
    layer = MultiHeadAttention(4, 2, rng=0, backend=backend)
    x = randn((2, 5, 4), rng=1, backend=backend)
    mask = np.array([[True] * 5, [True, True, True, False, False]])
    found = layer(x, key_mask=mask).to_numpy()
    np.testing.assert_allclose(found[0], layer(x).to_numpy()[0], **close(backend))
    np.testing.assert_allclose(found[1, :3], layer(x[1:, :3]).to_numpy()[0], **close(backend))
    weights = layer.weights(x, key_mask=mask).to_numpy()
    assert weights.shape == (2, 2, 5, 5)
    assert not weights[1, :, :, 3:].any()
    with pytest.raises(ShapeError, match=r"key_mask of shape \(5,\).*expected \(2, 5\)"):
        layer(x, key_mask=mask[0])


@backends
def test_cross_attention_reads_the_context(backend: Any) -> None:
    layer = MultiHeadAttention(4, 2, rng=0, backend=backend)
    x, context = (randn((2, n, 4), rng=n, backend=backend) for n in (3, 7))
    found = layer(x, context)
    expected = layer.output(attention(layer.query(x), layer.key(context), layer.value(context), 2))
    np.testing.assert_allclose(found.detach(), expected.detach(), **close(backend))
    with pytest.raises(ShapeError, match="context of shape"):
        layer(x, context[:1])


@pytest.mark.oracle
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@backends
def test_attention_agrees_with_pytorch(causal: bool, bias: bool, backend: Any) -> None:
    torch = pytest.importorskip("torch")
    layer = MultiHeadAttention(6, 3, causal=causal, bias=bias, rng=0, backend=backend)
    for seed, parameter in enumerate(layer.parameters()):
        parameter.update(randn(parameter.value.shape, rng=seed, backend=backend))
    x = randn((2, 5, 6), rng=9, backend=backend, requires_grad=True)
    dtype = torch.float32 if backend.dtype == np.float32 else torch.float64
    theirs = torch.nn.MultiheadAttention(6, 3, bias=bias, batch_first=True, dtype=dtype)
    maps: list[Any] = [layer.query, layer.key, layer.value]
    state = layer.state_dict()
    with torch.no_grad():
        weights = [torch.tensor(each.weight.value.to_numpy().T) for each in maps]
        theirs.in_proj_weight.copy_(torch.cat(weights))
        theirs.out_proj.weight.copy_(torch.tensor(layer.output.weight.value.to_numpy().T))
        if bias:
            shifts = [torch.tensor(each.bias.value.to_numpy()) for each in maps]
            theirs.in_proj_bias.copy_(torch.cat(shifts))
            theirs.out_proj.bias.copy_(torch.tensor(state["output.bias"]))
    other = torch.tensor(x.to_numpy(), requires_grad=True)
    hidden = torch.ones(5, 5, dtype=torch.bool).triu(1) if causal else None
    expected, _ = theirs(other, other, other, attn_mask=hidden)
    found = layer(x)
    np.testing.assert_allclose(found.detach(), expected.detach().numpy(), **close(backend))
    upstream = np.random.default_rng(1).uniform(0.5, 1.5, (2, 5, 6)).astype(backend.dtype)
    found.backward(upstream)
    expected.backward(torch.tensor(upstream))
    np.testing.assert_allclose(x.grad, other.grad.numpy(), **close(backend))
    grads = np.concatenate([each.weight.value.grad.to_numpy().T for each in maps])
    np.testing.assert_allclose(grads, theirs.in_proj_weight.grad.numpy(), **close(backend))


@pytest.mark.oracle
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_block_agrees_with_pytorch(activation: Any) -> None:
    torch = pytest.importorskip("torch")
    block = TransformerBlock(4, 2, hidden=5, causal=False, activation=activation, rng=0)
    for seed, parameter in enumerate(block.parameters()):
        parameter.update(randn(parameter.value.shape, rng=seed))
    theirs = torch.nn.TransformerEncoderLayer(
        4, 2, 5, 0.0, activation, batch_first=True, norm_first=True, dtype=torch.float64
    )
    state = block.state_dict()
    maps = [f"attention.{name}" for name in ("query", "key", "value")]
    renamed = {
        "self_attn.in_proj_weight": np.concatenate([state[f"{name}.weight"].T for name in maps]),
        "self_attn.in_proj_bias": np.concatenate([state[f"{name}.bias"] for name in maps]),
        "self_attn.out_proj.weight": state["attention.output.weight"].T,
        "self_attn.out_proj.bias": state["attention.output.bias"],
        **{
            f"{name}.{part}": state[f"{name}.{part}"].T
            for name in ("linear1", "linear2", "norm1", "norm2")
            for part in ("weight", "bias")
        },
    }
    theirs.load_state_dict({key: torch.tensor(value) for key, value in renamed.items()})
    x = randn((2, 3, 4), rng=9)
    expected = theirs(torch.tensor(x.to_numpy())).detach().numpy()
    np.testing.assert_allclose(block(x).detach(), expected, rtol=1e-10)


def test_gradients_of_a_block_at_every_index() -> None:
    block = TransformerBlock(4, 2, hidden=3, rng=0)
    grad_check(lambda x: block(x), randn((2, 3, 4), rng=1))


def test_a_causal_block_does_not_read_later_positions() -> None:
    block = TransformerBlock(4, 2, rng=0)
    x = randn((1, 4, 4), rng=1, requires_grad=True)
    block(x)[:, 1].sum().backward()
    assert not x.grad.to_numpy()[:, 2:].any()
    assert x.grad.to_numpy()[:, :2].any()


def test_dropout_of_a_block_is_active_in_training_only() -> None:
    block = TransformerBlock(4, 2, dropout=0.5, rng=0)
    x = randn((1, 4, 4), rng=1)
    assert (block(x).to_numpy() != block(x).to_numpy()).any()
    block.eval()
    np.testing.assert_array_equal(block(x).detach(), block(x).detach())


@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_a_captured_step_of_a_block_is_repeated(dropout: float) -> None:
    def losses(captured: bool) -> tuple[list[float], Any]:
        backend = Tuned()
        block = TransformerBlock(8, 2, dropout=dropout, bias=False, rng=0, backend=backend)
        optimizer = AdamW(decay_groups(block.parameters(), 0.1), lr=0.01)

        def update(x: Tensor) -> Tensor:
            optimizer.zero_grad()
            loss = cross_entropy(block(x), np.zeros(x.shape[:2], np.int64))
            loss.backward()
            optimizer.step()
            return loss

        step = capture(update) if captured else update
        found = [step(randn((2, 3, 8), rng=n, backend=backend)).item() for n in range(5)]
        return found, step

    expected, _ = losses(False)
    found, step = losses(True)
    assert found == expected
    assert step.repetitions == 2


def test_norm_layers() -> None:
    x = randn((2, 3), rng=0)
    layer = LayerNorm(3, eps=0.1, bias=False)
    layer.weight.update(randn((3,), rng=1))
    expected = layer_norm(x, layer.weight.value, None, 0.1).detach()
    np.testing.assert_array_equal(layer(x).detach(), expected)
    assert repr(layer) == "LayerNorm(3, eps=0.1, bias=False)"
    assert repr(RMSNorm(3, weight=False)) == "RMSNorm(3, weight=False)"
    assert [name for name, _ in LayerNorm(3).named_parameters()] == ["weight", "bias"]
    for kind in (LayerNorm, RMSNorm):
        with pytest.raises(ShapeError, match="the last dimension must have the size 3"):
            kind(3)(randn((2, 4)))
        with pytest.raises(ValueError, match="eps 0 must be above 0"):
            kind(3, eps=0)
        with pytest.raises(ValueError, match="size 0 must be an integer, 1 or more"):
            kind(0)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="width 6 is not a multiple of the 4 heads; use 3 heads"):
        MultiHeadAttention(6, 4)
    with pytest.raises(ValueError, match="dropout 2 is not a probability"):
        MultiHeadAttention(4, 2, dropout=2)
    with pytest.raises(
        ValueError, match=r"activation 'swish' is unknown; allowed: \"relu\", \"gelu\""
    ):
        TransformerBlock(4, 2, activation="swish")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"input of shape \(2, 4\); expected \(batch, length, 4\)"):
        MultiHeadAttention(4, 2)(randn((2, 4)))
    expected = "MultiHeadAttention(\n  4, 2, causal=True, bias=False, dropout=0.5\n"
    layer = MultiHeadAttention(4, 2, causal=True, bias=False, dropout=0.5)
    assert repr(layer).startswith(expected)


def test_only_matrices_decay() -> None:
    block = TransformerBlock(4, 2, rng=0)
    decayed, others = decay_groups(block.parameters(), 0.1)
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert {parameter.value.dims for parameter in decayed["params"]} == {2}
    assert {parameter.value.dims for parameter in others["params"]} == {1}
    assert len(decayed["params"] + others["params"]) == len(list(block.parameters()))
    assert len(decay_groups(Linear(2, 3, bias=False).parameters(), 0.1)) == 1


def test_gradients_accumulate_over_parts_of_a_batch() -> None:
    layers = [Linear(3, 2, rng=0) for _ in range(2)]
    x, classes = randn((6, 3), rng=1), np.array([0, 1, 1, 0, 1, 0])
    cross_entropy(layers[0](x), classes).backward()
    for part in range(3):
        rows = slice(2 * part, 2 * part + 2)
        (cross_entropy(layers[1](x[rows]), classes[rows]) / 3.0).backward()
    for one, other in zip(layers[0].parameters(), layers[1].parameters(), strict=True):
        np.testing.assert_allclose(one.grad, other.grad, rtol=1e-12)
    SGD(layers[1].parameters(), lr=0.1).step()
