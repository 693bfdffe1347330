"""Layers of a transformer, compared with NumPy, PyTorch and central differences."""

import math
import random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch
from minitorch import Tensor, TensorBackend, tensor
from mt_tensor import ShapeError

FAST = TensorBackend(minitorch.FastOps)


def filled(module: minitorch.Module, seed: int = 0) -> minitorch.Module:
    """Give every parameter random values, and return the module."""
    rng = np.random.default_rng(seed)
    for parameter in module.parameters():
        value = parameter.value
        parameter.update(tensor(rng.standard_normal(value.shape), value.backend))
    return module


def numbers(*shape: int, seed: int = 1) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(shape)


def test_gelu(backend: TensorBackend) -> None:
    x = tensor([-30.0, -1.0, 0.0, 2.0], backend)
    expected = [0.0, -0.15880801, 0.0, 1.95459769]
    np.testing.assert_allclose(minitorch.GELU(x).to_numpy(), expected, atol=1e-8)
    minitorch.grad_check(minitorch.GELU, tensor(numbers(2, 3), backend))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_logsumexp(backend: TensorBackend, dim: int) -> None:
    x = numbers(3, 4)
    out = minitorch.logsumexp(tensor(x + 1000.0, backend), dim)
    expected = np.log(np.exp(x).sum(dim, keepdims=True)) + 1000.0
    np.testing.assert_allclose(out.to_numpy(), expected)
    minitorch.grad_check(lambda t: minitorch.logsumexp(t, dim), tensor(x, backend))


def test_one_hot(backend: TensorBackend) -> None:
    rows = minitorch.one_hot(tensor([[2.0, 0.0]], backend), 3)
    assert rows.to_numpy().tolist() == [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
    refused = "numbers from {} to {}; they must be whole numbers from 0 to 2"
    with pytest.raises(IndexError, match=refused.format(0, 3)):
        minitorch.one_hot(tensor([0.0, 3.0], backend), 3)
    with pytest.raises(IndexError, match=refused.format(0, 1.5)):
        minitorch.one_hot(tensor([0.0, 1.5], backend), 3)
    with pytest.raises(IndexError, match=refused.format("nan", "nan")):
        minitorch.one_hot(tensor([0.0, math.nan], backend), 3)
    assert minitorch.one_hot(tensor(np.zeros((0,)), backend), 3).shape == (0, 3)


@given(seed=st.integers(0, 99), shift=st.sampled_from([0.0, 1e4, -1e4]))
def test_loss_of_each_row(seed: int, shift: float) -> None:
    x, target = numbers(4, 3, seed=seed), np.random.default_rng(seed).integers(0, 3, 4)
    loss = minitorch.softmax_loss(tensor(x + shift), tensor(target.astype(float)))
    expected = np.log(np.exp(x).sum(1)) - x[np.arange(4), target]
    np.testing.assert_allclose(loss.to_numpy(), expected, atol=1e-9)


def test_embedding_adds_up_the_gradients_of_a_repeated_token(backend: TensorBackend) -> None:
    layer = minitorch.Embedding(4, 2, backend)
    out = layer(tensor([[1.0, 3.0, 1.0]], backend))
    table = layer.weights.value.to_numpy()
    assert out.to_numpy().tolist() == table[[[1, 3, 1]]].tolist()
    out.backward(tensor([[[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]]], backend))
    grad = layer.weights.grad.to_numpy()
    assert grad.tolist() == [[0.0, 0.0], [11.0, 22.0], [0.0, 0.0], [3.0, 4.0]]


def test_dropout_scales() -> None:
    layer = minitorch.Dropout(0.25)
    x = minitorch.rand((40, 50)) + 1.0
    out = layer(x).to_numpy()
    kept = out != 0.0
    assert 1380 < kept.sum() < 1620
    np.testing.assert_allclose(out[kept], x.to_numpy()[kept] / 0.75)
    layer.eval()
    assert layer(x) is x
    with pytest.raises(ValueError, match="p_dropout 1"):
        minitorch.Dropout(1.0)


def test_dropout_of_0_draws_nothing() -> None:
    np.random.seed(0)  # noqa: NPY002
    first = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    minitorch.Dropout(0.0)(minitorch.rand((2, 2)))
    assert np.random.random() == first  # noqa: NPY002


@pytest.mark.parametrize("bias", [True, False])
def test_linear(backend: TensorBackend, bias: bool) -> None:
    layer = minitorch.Linear(4, 3, bias, backend)
    x, w = numbers(2, 4), layer.weights.value.to_numpy()
    b = layer.bias.value.to_numpy() if layer.bias else 0.0
    np.testing.assert_allclose(layer(tensor(x, backend)).to_numpy(), x @ w + b)
    assert [name for name, _ in layer.named_parameters()] == ["weights", "bias"][: 1 + bias]


def test_range_of_the_weights() -> None:
    random.seed(2)
    weights = minitorch.Linear(16, 200, True, FAST).weights.value.to_numpy()
    assert -0.25 <= weights.min() < -0.24 and 0.24 < weights.max() <= 0.25
    table = minitorch.Embedding(100, 50, FAST).weights.value.to_numpy()
    assert abs(table.mean()) < 0.1 and abs(table.std() - 1.0) < 0.1


def test_layer_norm(backend: TensorBackend) -> None:
    layer: Any = filled(minitorch.LayerNorm1d(3, 0.5, backend))
    x = numbers(4, 3) * 0.1
    w, b = (p.value.to_numpy() for p in layer.parameters())
    expected = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 0.5) * w + b
    np.testing.assert_allclose(layer(tensor(x, backend)).to_numpy(), expected)
    minitorch.grad_check(layer, tensor(x, backend))
    with pytest.raises(ShapeError, match=r"must be \(batch, 3\). Call view"):
        layer(tensor(numbers(2, 3, 3), backend))


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.oracle
def test_attention_and_pytorch(causal: bool) -> None:
    torch = pytest.importorskip("torch")
    layer: Any = filled(minitorch.MultiHeadAttention(6, 3, causal, 0.0, True, FAST))
    x = numbers(2, 5, 6)
    ours = tensor(x, FAST).requires_grad_(True)
    theirs = torch.tensor(x, requires_grad=True)
    named = {name: torch.tensor(p.value.to_numpy()) for name, p in layer.named_parameters()}
    parts = []
    for letter in "qkv":
        out = theirs @ named[f"{letter}_projection.weights"] + named[f"{letter}_projection.bias"]
        parts.append(out.view(2, 5, 3, 2).transpose(1, 2))
    attention = torch.nn.functional.scaled_dot_product_attention(*parts, is_causal=causal)
    merged = attention.transpose(1, 2).reshape(2, 5, 6)
    expected = merged @ named["out_projection.weights"] + named["out_projection.bias"]
    out = layer(ours)
    np.testing.assert_allclose(out.to_numpy(), expected.detach().numpy())
    upstream = numbers(2, 5, 6, seed=3)
    out.backward(tensor(upstream, FAST))
    expected.backward(torch.tensor(upstream))
    assert ours.grad is not None
    np.testing.assert_allclose(ours.grad.to_numpy(), theirs.grad.numpy())


def test_heads_divide_the_size() -> None:
    with pytest.raises(ValueError, match="n_head 4 does not divide n_embd 6; choose a divisor"):
        minitorch.MultiHeadAttention(6, 4)
    with pytest.raises(ValueError, match="n_head 0 does not divide"):
        minitorch.MultiHeadAttention(6, 0)


def model(**options: Any) -> Any:
    return minitorch.DecoderLM(5, 4, 2, 6, p_dropout=0.1, backend=FAST, **options)


def test_parameters_of_the_model() -> None:
    with_bias = {name: p.value.size for name, p in model().named_parameters()}
    assert sum(with_bias.values()) == 5 * 4 + 6 * 4 + 4 * (16 + 80 + 2 * 1024 + 260) + 8 + 25
    assert {name.split(".")[0] for name in with_bias} == {
        "token_embeddings",
        "position_embeddings",
        *(f"t_layer_{i}" for i in (1, 2, 3, 4)),
        "ln",
        "lm_head",
    }
    without = [name for name, _ in model(bias=False).named_parameters() if "bias" in name]
    assert without and all(".ln" in f".{name}" for name in without)


def test_scores_of_a_position_depend_on_earlier_tokens_only() -> None:
    decoder = model()
    decoder.eval()
    tokens = np.array([[0.0, 1.0, 2.0, 3.0, 4.0, 0.0]])
    before = decoder(idx=tensor(tokens, FAST)).to_numpy()
    assert before.shape == (1, 6, 5)
    for position in range(6):
        changed = tokens.copy()
        changed[0, position] = (tokens[0, position] + 1) % 5
        after = decoder(idx=tensor(changed, FAST)).to_numpy()
        different = np.abs(after - before).max(axis=(0, 2)) > 1e-12
        assert different.tolist() == [i >= position for i in range(6)]
    with pytest.raises(IndexError, match="from 0 to 6; they must be whole numbers from 0 to 5"):
        decoder(tensor(np.zeros((1, 7)), FAST))


def test_the_model_is_trainable() -> None:
    decoder = model()
    tokens = tensor([[0.0, 1.0, 2.0, 3.0]], FAST)
    loss: Tensor = minitorch.softmax_loss(
        decoder(tokens).view(4, 5), tensor([1.0, 2.0, 3.0, 4.0], FAST)
    ).sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.to_numpy().any() for p in decoder.parameters())
