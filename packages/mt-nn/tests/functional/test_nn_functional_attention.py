"""Attention, compared with NumPy, with PyTorch and with central differences."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mt_nn
from mt_autodiff import Tensor, from_numpy, grad_check, randn, tensor
from mt_kernels_cpu import Fast, Tuned
from mt_tensor import Reference, ShapeError

# Functions of any type: the tests unpack lists of operands.
attention: Any = mt_nn.attention
attention_weights: Any = mt_nn.attention_weights
self_attention: Any = mt_nn.self_attention

BACKENDS = [Reference(), Fast(), Tuned(np.float64), Tuned()]
backends = pytest.mark.parametrize("backend", BACKENDS, ids=repr)


def by_numpy(q: Any, k: Any, v: Any, heads: int, visible: Any) -> Any:
    """Return attention by its formula; a query without visible keys has the result 0."""
    parts = []
    for query, key, value in zip(*(np.split(x, heads, 2) for x in (q, k, v)), strict=True):
        scores = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[2])
        scores = np.where(visible, scores, -np.inf)
        top = np.where(visible.any(-1), scores.max(2), 0.0)[..., None]
        powers = np.exp(scores - top)
        sums = powers.sum(2, keepdims=True)
        parts.append(np.divide(powers, sums, out=np.zeros_like(powers), where=sums > 0) @ value)
    return np.concatenate(parts, 2)


@settings(max_examples=25)
@given(
    batch=st.integers(1, 2),
    heads=st.integers(1, 3),
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    queries=st.integers(1, 5),
    more=st.integers(0, 4),
    causal=st.booleans(),
    seed=st.integers(0, 9),
)
def test_attention_agrees_with_numpy(
    batch: int,
    heads: int,
    sizes: tuple[int, int],
    queries: int,
    more: int,
    causal: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    keys, (width, columns) = queries + more, sizes
    q = rng.normal(size=(batch, queries, heads * width))
    k = rng.normal(size=(batch, keys, heads * width))
    v = rng.normal(size=(batch, keys, heads * columns))
    visible = np.tri(queries, keys, more, bool) if causal else np.ones((queries, keys), bool)
    expected = by_numpy(q, k, v, heads, visible)
    for backend in BACKENDS:
        operands = [tensor(each, backend) for each in (q, k, v)]
        found = attention(*operands, heads, causal=causal)
        tolerance = 1e-5 if backend.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
        weights = attention_weights(*operands[:2], heads, causal=causal).to_numpy()
        np.testing.assert_allclose(weights.sum(-1), 1.0, rtol=1e-5)
        assert not weights[..., ~visible].any()


@backends
def test_a_query_without_keys_has_the_result_zero(backend: Any) -> None:
    mask = np.array([[True, False, True], [False] * 3])
    q, k, v = (randn((1, n, 2), rng=n, backend=backend, requires_grad=True) for n in (2, 3, 3))
    found = attention(q, k, v, mask=mask)
    expected = by_numpy(q.to_numpy(), k.to_numpy(), v.to_numpy(), 1, mask)
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-5)
    assert found.to_numpy()[0, 1].tolist() == [0.0, 0.0]
    (found * found).sum().backward()
    assert all(np.isfinite(each.grad.to_numpy()).all() for each in (q, k, v))
    assert not k.grad.to_numpy()[0, 1].any()
    assert not v.grad.to_numpy()[0, 1].any()


@backends
def test_later_positions_do_not_change_earlier_results(backend: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 4))
    first = attention(*[tensor(x, backend)] * 3, 2, causal=True).to_numpy()
    changed = x.copy()
    changed[:, 4:] = 9.0
    then = attention(*[tensor(changed, backend)] * 3, 2, causal=True).to_numpy()
    np.testing.assert_array_equal(first[:, :4], then[:, :4])
    assert (first[:, 4:] != then[:, 4:]).any()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("backend", [Reference(), Tuned(np.float64)], ids=repr)
def test_gradients_at_every_index(causal: bool, backend: Any) -> None:
    mask = np.array([True, True, False, True])

    def masked(q: Tensor, k: Tensor, v: Tensor) -> Any:
        return attention(q, k, v, 2, causal=causal, mask=mask)

    operands = [randn((2, n, 4), rng=n, backend=backend) for n in (3, 4, 4)]
    grad_check(lambda q, k, v: attention(q, k, v, 2, causal=causal), *operands)
    grad_check(masked, *operands)
    weights = [randn((4, 2), rng=n, backend=backend) for n in range(3)]
    grad_check(lambda x, *w: self_attention(x, *w, causal=causal), operands[0], *weights)


@pytest.mark.oracle
@pytest.mark.parametrize("causal", [False, True])
@backends
def test_attention_agrees_with_pytorch(causal: bool, backend: Any) -> None:
    torch = pytest.importorskip("torch")
    ours = [randn((2, 5, 6), rng=n, backend=backend, requires_grad=True) for n in range(3)]
    theirs = [torch.tensor(each.to_numpy(), requires_grad=True) for each in ours]
    heads = [each.view(2, 5, 3, 2).transpose(1, 2) for each in theirs]
    expected = torch.nn.functional.scaled_dot_product_attention(*heads, is_causal=causal)
    expected = expected.transpose(1, 2).reshape(2, 5, 6)
    found = attention(*ours, 3, causal=causal)
    tolerance = 1e-5 if backend.dtype == np.float32 else 1e-12
    options: Any = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(found.detach(), expected.detach().numpy(), **options)
    upstream = np.random.default_rng(1).uniform(0.5, 1.5, (2, 5, 6)).astype(backend.dtype)
    found.backward(from_numpy(upstream, backend))
    expected.backward(torch.tensor(upstream))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.grad, other.grad.numpy(), **options)


@pytest.mark.oracle
@pytest.mark.parametrize("causal", [False, True])
@backends
def test_scores_of_minus_infinity_agree_with_pytorch(causal: bool, backend: Any) -> None:
    torch = pytest.importorskip("torch")
    q, k = np.array([[[1.0, 0.0]] * 3]), np.zeros((1, 3, 2))
    for hidden in (2, 3):
        k[0, :hidden, 0] = -np.inf
        operands = [torch.tensor(each) for each in (q, k, q)]
        expected = torch.nn.functional.scaled_dot_product_attention(*operands, is_causal=causal)
        found = attention(*[tensor(each, backend) for each in (q, k, q)], causal=causal)
        np.testing.assert_array_equal(found, expected.numpy())


@pytest.mark.parametrize("length", [63, 64, 65, 130])
def test_long_sequences_use_several_tiles(length: int) -> None:
    rng = np.random.default_rng(length)
    q, k, v = (4.0 * rng.normal(size=(1, length, 2)) for _ in range(3))
    q[0, 3] *= 300.0  # Powers of its scores overflow without the maximum.
    expected = by_numpy(q, k, v, 1, np.tri(length, dtype=bool))
    operands = [tensor(each, Tuned(np.float64)) for each in (q, k, v)]
    np.testing.assert_allclose(attention(*operands, causal=True), expected, rtol=1e-9, atol=1e-12)


def test_scores_of_minus_infinity_in_the_first_tile() -> None:
    # The first 64 keys have the score -∞, the last one a finite score.
    k = np.full((1, 65, 1), -np.inf)
    k[0, 64] = 0.5
    operands = np.ones((1, 1, 1)), k, np.arange(65.0).reshape(1, 65, 1)
    for backend in (Reference(), Tuned(np.float64)):
        assert attention(*[tensor(each, backend) for each in operands]).item() == 64.0


@backends
@pytest.mark.parametrize("causal", [False, True])
def test_a_query_whose_visible_scores_are_all_minus_infinity(backend: Any, causal: bool) -> None:
    k = np.zeros((1, 3, 2))
    k[0, : 2 if causal else 3, 0] = -np.inf
    q = np.array([[[1.0, 0.0]] * 3])
    operands = [tensor(each, backend, requires_grad=True) for each in (q, k, q)]
    found = attention(*operands, causal=causal)
    expected = [[0.0, 0.0]] * (2 if causal else 3) + ([[1.0, 0.0]] if causal else [])
    assert found.to_numpy()[0].tolist() == expected
    found.sum().backward()
    value = operands[2].grad.to_numpy()
    assert value[0].tolist() == [[0.0, 0.0]] * 2 + [[1.0, 1.0] if causal else [0.0, 0.0]]


def test_dropout_of_weights_draws_from_the_generator() -> None:
    x = randn((1, 4, 2), rng=0)
    one, other = (attention(x, x, x, rate=0.5, rng=np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert (one.to_numpy() != attention(x, x, x).to_numpy()).any()
    assert not attention(x, x, x, rate=1.0, rng=0).to_numpy().any()


@pytest.mark.parametrize(
    ("shapes", "heads", "causal", "message"),
    [
        ([(1, 2, 4), (1, 2, 3), (1, 2, 4)], 1, False, "expected .batch, queries, width."),
        ([(1, 2, 4), (1, 2, 4), (1, 3, 4)], 1, False, "expected .batch, keys, columns."),
        ([(1, 2, 4), (1, 2, 4), (1, 2, 4)], 3, False, "columns a multiple of the heads"),
        ([(1, 2, 4), (1, 2, 4), (1, 2, 3)], 3, False, "3 heads do not divide the width 4"),
        ([(1, 2, 4), (1, 2, 4), (1, 2, 4)], 0, False, "0 heads do not divide"),
        ([(1, 3, 4), (1, 2, 4), (1, 2, 4)], 2, True, "one for each query"),
        ([(1, 3, 4), (1, 0, 4), (1, 0, 4)], 2, False, "there must be a key"),
        ([(2, 4), (2, 4), (2, 4)], 2, False, "expected"),
    ],
)
@pytest.mark.parametrize("backend", [Reference(), Tuned()], ids=repr)
def test_errors(shapes: Any, heads: int, causal: bool, message: str, backend: Any) -> None:
    operands = [tensor(np.zeros(shape), backend) for shape in shapes]
    with pytest.raises(ShapeError, match=message):
        attention(*operands, heads, causal=causal)


@backends
def test_empty_batches_and_queries(backend: Any) -> None:
    x = tensor(np.zeros((0, 3, 4)), backend)
    assert attention(x, x, x, 2).shape == (0, 3, 4)
    keys = tensor(np.zeros((2, 3, 4)), backend)
    assert attention(tensor(np.zeros((2, 0, 4)), backend), keys, keys, 2).shape == (2, 0, 4)
