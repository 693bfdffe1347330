"""GPT: the forward pass in NumPy, causality, initial weights, caches, attention maps."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_autodiff import no_grad, tensor
from mt_kernels_cpu import Tuned
from mt_models.networks import GPT
from mt_models.networks.continuation import GPTCache
from mt_nn import RMSNorm, cross_entropy
from mt_nn.functional.linear import LinearActivation
from mt_tensor import ShapeError

F64 = Tuned(np.float64)
Array = npt.NDArray[np.float64]


def small(**options: Any) -> GPT:
    sizes = {"width": 8, "heads": 2, "layers": 2, "context": 6, "backend": F64, **options}
    return GPT(7, **sizes, rng=3)


def normalised(x: Array, weight: Array, bias: Array | float) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    y: Array = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight + bias
    return y


def in_numpy(network: GPT, ids: npt.NDArray[np.int64]) -> Array:
    """Compute the logits without the library's operations."""
    state = {name: array.astype(np.float64) for name, array in network.state_dict().items()}

    def linear(x: Array, name: str) -> Array:
        return x @ state[f"{name}.weight"] + state.get(f"{name}.bias", 0.0)

    def norm(x: Array, name: str) -> Array:
        return normalised(x, state[f"{name}.weight"], state.get(f"{name}.bias", 0.0))

    length = ids.shape[1]
    x = state["tokens.weight"][ids] + state["positions.weight"][:length]
    hidden = np.triu(np.full((length, length), -np.inf), 1)
    for at, block in enumerate(network.blocks):
        name, heads = f"blocks.{at}", block.attention.heads
        y = norm(x, f"{name}.norm1")
        query, key, value = (
            linear(y, f"{name}.attention.{part}").reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / math.sqrt(query.shape[-1]) + hidden
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        joined = (weights @ value).swapaxes(1, 2).reshape(x.shape)
        x = x + linear(joined, f"{name}.attention.output")
        y = linear(norm(x, f"{name}.norm2"), f"{name}.linear1")
        gelu = 0.5 * y * (1.0 + np.vectorize(math.erf)(y / math.sqrt(2.0)))
        x = x + linear(gelu, f"{name}.linear2")
    x = norm(x, "norm")
    return x @ state["head.weight"] if network.head else x @ state["tokens.weight"].T


@pytest.mark.parametrize("options", [{}, {"bias": True, "tied": False}])
def test_logits_equal_those_in_numpy(options: dict[str, bool]) -> None:
    network = small(**options)
    rng = np.random.default_rng(0)
    for parameter in network.parameters():
        parameter.update(parameter.value.detach() + F64.dtype.type(0.3) * parameter.value.detach())
    ids = rng.integers(0, 7, (3, 5))
    logits = network(ids)
    np.testing.assert_allclose(logits.to_numpy(), in_numpy(network, ids), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        network.next_logits(ids).to_numpy(), logits.to_numpy()[:, -1], rtol=1e-12
    )


@given(st.integers(1, 5), st.integers(0, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_later_tokens_change_nothing_before_them(at: int, token: int, seed: int) -> None:
    network = small()
    ids = np.random.default_rng(seed).integers(0, 7, (1, 6))
    other = ids.copy()
    other[0, at] = token
    first, second = (network(each).to_numpy()[0, :at] for each in (ids, other))
    np.testing.assert_array_equal(first, second)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6))
@settings(max_examples=20)
def test_a_cache_continues_a_sequence(parts: list[int]) -> None:
    network = small()
    ids = np.random.default_rng(0).integers(0, 7, (2, 6))
    cache, start, pieces = network.new_cache(2), 0, []
    for part in parts:
        if start < 6:
            pieces.append(network(ids[:, start : start + part], cache).to_numpy())
            start = min(6, start + part)
    whole = network(ids[:, :start]).to_numpy()
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, rtol=1e-9, atol=1e-12)


def continued(network: GPT, ids: npt.NDArray[np.int64], cache: GPTCache) -> Array:
    """Return the logits after each token, computed one by one in captured steps."""
    with no_grad():
        rows = [network.next_logits(ids[:, at : at + 1], cache) for at in range(ids.shape[1])]
    return np.stack([row.to_numpy() for row in rows], axis=1)


@pytest.mark.parametrize("options", [{}, {"bias": True, "tied": False}])
def test_captured_steps_continue_a_sequence(options: dict[str, bool]) -> None:
    network = small(**options).eval()
    ids = np.random.default_rng(0).integers(0, 7, (3, 2, 6))
    first, second = network.new_cache(2), network.new_cache(2)
    # Two caches at the same time, and parameters that change meanwhile.
    for at in range(6):
        found = [
            continued(network, ids[number][:, at : at + 1], cache)
            for number, cache in enumerate((first, second))
        ]
        for number, logits in enumerate(found):
            expected = network(ids[number][:, : at + 1]).to_numpy()[:, -1:]
            np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-12)
    assert first.continuation.step.repetitions == 3
    second.clear()
    with pytest.raises(TypeError, match="float64; they must be integers"), no_grad():
        network.next_logits(np.full((2, 1), 1.5), second)
    for parameter in network.parameters():
        parameter.update(parameter.value.detach() * 2.0)
    first.clear()
    expected = network(ids[2]).to_numpy()
    np.testing.assert_allclose(continued(network, ids[2], first), expected, rtol=1e-9, atol=1e-12)
    steps = {id(each.continuation) for each in (first, second)}
    del first, second
    assert {id(network.new_cache(2).continuation)} <= steps
    other = pickle.loads(pickle.dumps(network))
    logits = continued(other, ids[2], other.new_cache(2))
    np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-12)


def is_fused(cache: GPTCache) -> bool:
    """Compute a token with the fused form, and return whether the form can."""
    fused = cache.continuation.fused
    assert fused is not None
    return fused.logits(0, cache[0].length) is not None


@pytest.mark.parametrize(
    ("dtype", "activation", "options"),
    [
        (np.float64, "gelu", {}),
        (np.float64, "relu", {"bias": True, "tied": False}),
        (np.float32, "gelu-tanh", {"bias": True, "width": 45, "heads": 3}),
        # Heads of whole vectors of AVX-512.
        (np.float32, "gelu", {"width": 96, "heads": 3}),
    ],
)
def test_one_kernel_continues_a_sequence(
    dtype: type[np.floating], activation: LinearActivation, options: dict[str, int]
) -> None:
    network = small(backend=Tuned(dtype), **options).eval()
    rng = np.random.default_rng(0)
    for parameter in network.parameters():
        drawn = rng.uniform(-0.5, 0.5, parameter.shape)
        parameter.update(tensor(drawn, network.tokens.weight.value.backend))
    for block in network.blocks:
        block.linear1.activation = activation
    first, second = network.new_cache(), network.new_cache()
    ids, tolerance = rng.integers(0, 7, (2, 1, 6)), 200 * float(np.finfo(dtype).eps)
    # Two caches at the same time, and parameters that change meanwhile.
    for at in range(6):
        for numbers, cache in zip(ids, (first, second), strict=True):
            assert is_fused(cache)
            found = continued(network, numbers[:, at : at + 1], cache)
            expected = network(numbers[:, : at + 1]).to_numpy()[:, -1:]
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    for parameter in network.parameters():
        parameter.update(parameter.value.detach() * 0.5)
    network.tokens.weight.value.to_numpy()[...] += 0.25
    first.clear()
    found = continued(network, ids[0], first)
    np.testing.assert_allclose(found, network(ids[0]).to_numpy(), rtol=tolerance, atol=tolerance)
    for each in (first, second):
        assert each.continuation.step.repetitions == 0


@pytest.mark.filterwarnings("ignore:capture:mt_nn.CaptureWarning")
def test_other_networks_do_not_use_the_kernel() -> None:
    ids = np.arange(6)[None] % 7

    def agrees(network: GPT, cache: GPTCache) -> bool:
        found = continued(network, ids, cache)
        np.testing.assert_allclose(found, network(ids).to_numpy(), rtol=1e-9, atol=1e-12)
        cache.clear()
        return is_fused(cache)

    network = small().eval()
    cache = network.new_cache()
    assert agrees(network, cache)
    with network.blocks[1].linear1.register_forward_hook(lambda *_: _[2] * 2.0):
        assert not agrees(network, cache)
    assert agrees(network, cache)
    with pytest.raises(IndexError), no_grad():
        network.next_logits([[7]], cache)
    copied = copy.deepcopy((network, cache))
    assert continued(copied[0], ids, copied[1]).shape == (1, 6, 7)
    assert agrees(copied[0], copied[0].new_cache())
    network.norm.eps = 0.5
    assert not agrees(network, network.new_cache())
    network.norm = RMSNorm(8, backend=F64).eval()  # type: ignore[assignment]
    assert not agrees(network, network.new_cache())


def test_every_parameter_has_a_gradient() -> None:
    for network in (small(), small(bias=True, tied=False)):
        ids = np.arange(6)[None] % 7
        cross_entropy(network(ids), ids).backward()
        for name, parameter in network.named_parameters():
            assert parameter.value.grad is not None, name
            assert np.any(parameter.value.grad.to_numpy()), name


def test_the_network_of_nanogpt_has_its_size_and_weights() -> None:
    network = GPT(65, width=128, heads=4, layers=4, context=64, rng=0)
    arrays = network.state_dict()
    assert sum(array.size for array in arrays.values()) == 804_096
    for name, array in arrays.items():
        if "norm" in name:
            np.testing.assert_array_equal(array, 1.0)
            continue
        last = name.endswith(("attention.output.weight", "linear2.weight"))
        expected = 0.02 / math.sqrt(8) if last else 0.02
        # Four standard errors.
        assert array.std() == pytest.approx(expected, rel=4 / math.sqrt(2 * array.size)), name


def test_attention_maps_are_causal_weights() -> None:
    network = small()
    maps = network.attention_maps(np.arange(5)[None])
    assert maps.shape == (2, 1, 2, 5, 5)
    np.testing.assert_allclose(maps.sum(-1), 1.0)
    assert not np.triu(maps, 1).any()
    assert network.training


@pytest.mark.parametrize("ids", [np.zeros((1, 7), int), np.zeros((1, 0), int), np.zeros(3, int)])
def test_other_shapes_name_the_context(ids: npt.NDArray[np.int64]) -> None:
    with pytest.raises(ShapeError, match="at most 6 tokens, the context"):
        small()(ids)


def test_a_full_cache_names_the_context() -> None:
    network = small()
    cache = network.new_cache()
    network(np.zeros((1, 6), int), cache)
    with pytest.raises(ShapeError, match="after 6 tokens in the cache"):
        network(np.zeros((1, 1), int), cache)
    with pytest.raises(ValueError, match="layers is 0"):
        small(layers=0)
