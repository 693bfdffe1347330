"""Composed operations: values compared with NumPy, gradients with central differences."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_autodiff import Tensor, einsum, from_numpy, grad_check, matmul, stack, tensor, where
from mt_autodiff.catalog import COMPOSED, OPS, Op
from mt_tensor import IndexingError, Reference, ShapeError

Array: TypeAlias = npt.NDArray[Any]

composed = pytest.mark.parametrize("op", COMPOSED, ids=lambda op: op.name)
shapes = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 2**32 - 1)

ORACLES: dict[str, Callable[..., Any]] = {
    "clamp": lambda x: np.clip(x, -0.1, 0.1),
    "minimum": np.minimum,
    "masked_fill": lambda x: np.where(x > 0, 7.0, x),
    "log2": np.log2,
    "log10": np.log10,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": np.reciprocal,
    "ceil": np.ceil,
    "round": np.round,
    "floor_divide": np.floor_divide,
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "base_2": np.exp2,
    "var": lambda x: x.var(1, ddof=1),
    "std": lambda x: x.std(ddof=1, keepdims=True).reshape(1),
    "norm": lambda x: np.linalg.norm(x.ravel()).reshape(1),
    "norm_1": lambda x: np.abs(x).sum(0),
    "logsumexp": lambda x: np.log(np.exp(x).sum(1)),
    "max": lambda x: x.max().reshape(1),
    "max_dim": lambda x: x.max(1),
    "amin": lambda x: x.min(0, keepdims=True),
    "sort": lambda x: np.sort(x, 1),
    "topk": lambda x: -np.sort(-x, 1)[:, :2],
    "median": lambda x: np.sort(x, 1)[:, 1],
    "gather": lambda x: np.take_along_axis(x, np.array([[2, 0], [1, 1]]), 1),
    "index_select": lambda x: x[:, [2, 2]],
    "masked_select": lambda x: x[x > 0],
    "mask": lambda x: x[x > 0],
    "reshape": lambda x: x.T.reshape(2, -1),
    "flatten": lambda x: x.reshape(len(x), -1),
    "transpose": lambda x: x.swapaxes(0, -1),
    "squeeze": np.squeeze,
    "unsqueeze": lambda x: x[:, None],
    "repeat": lambda x: np.tile(x, (2, 1, 2)),
    "split": lambda x: x[:, 1:],
    "unbind": lambda x: x[:, 2],
    "flip": lambda x: x[::-1, ::-1],
    "roll": lambda x: np.roll(x, 1, 1),
    "tril": np.tril,
    "triu": lambda x: np.triu(x, 1),
    "stack": lambda x, y: np.stack([x, y], 1),
    "matmul_vector": np.matmul,
    "outer": np.outer,
    "einsum": lambda x, y: np.einsum("bij,kjb->bki", x, y),
    "einsum_of_three": lambda x, y, z: np.einsum("ij,jk,k->i", x, y, z),
}


def numbers(*shape: int, seed: int = 0) -> Tensor:
    """Return a constant of normal numbers."""
    return tensor(np.random.default_rng(seed).normal(size=shape))


def test_every_op_has_an_oracle_and_a_name_of_its_own() -> None:
    names = [op.name for op in COMPOSED]
    assert sorted(names) == sorted(ORACLES)
    assert not set(names) & {op.name for op in OPS}


@composed
def test_values_and_gradients(op: Op) -> None:
    arrays = op.draw(np.random.default_rng(1))
    received = op.call(*map(tensor, arrays))
    expected = np.asarray(ORACLES[op.name](*arrays))
    assert received.shape == expected.shape
    np.testing.assert_allclose(received.to_numpy(), expected, rtol=1e-14, atol=1e-14)
    grad_check(op.call, *map(tensor, arrays))


# Elements


@given(x=st.floats(), y=st.floats().filter(bool))
def test_quotients_and_remainders(x: float, y: float) -> None:
    with np.errstate(all="ignore"):
        expected = np.floor_divide(np.float64(x), np.float64(y))
    if math.isfinite(x) and math.isfinite(expected) and abs(expected) < 2.0**52:
        assert (tensor(x) // y).item() == expected
        assert (tensor(x) % y).item() == np.remainder(x, y)


@pytest.mark.parametrize("x", [0.5, 1.5, 2.5, -0.5, -1.5, 0.49, 1e300, -math.inf])
def test_rounding(x: float) -> None:
    assert tensor(x).round().item() == np.round(x)
    assert tensor(x).ceil().item() == np.ceil(x)


def test_elements_that_are_not_chosen_have_the_gradient_0() -> None:
    condition = tensor([1.0, 0.0])
    x = tensor([5.0, math.inf], requires_grad=True)
    y = tensor([math.nan, 2.0], requires_grad=True)
    chosen = where(condition, x, y)
    assert chosen.tolist() == [5.0, 2.0]
    chosen.backward(np.array([3.0, math.inf]))
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0, 0.0], [0.0, math.inf])


def test_gradients_at_kinks() -> None:
    x = tensor([-1.0, 0.0, 1.0], requires_grad=True)
    x.abs().sum().backward()
    assert x.grad.tolist() == [-1.0, 0.0, 1.0]
    x.zero_grad_()
    x.clamp(-1, 1).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]
    x.zero_grad_()
    x.maximum(0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.5, 1.0]
    zero = tensor([0.0, 0.0], requires_grad=True)
    zero.norm().backward()
    assert zero.grad.tolist() == [0.0, 0.0]


def test_no_negative_zero() -> None:
    assert math.copysign(1.0, tensor(-0.0).abs().item()) == 1.0
    assert math.copysign(1.0, tensor(0.0).abs().item()) == 1.0


def test_truth_values() -> None:
    x, y = tensor([0.0, 0.0, 2.0, math.nan]), tensor([0.0, 3.0, 0.0, 1.0])
    a, b = x.to_numpy() != 0, y.to_numpy() != 0
    for received, expected in [
        (x & y, a & b),
        (x | y, a | b),
        (x ^ y, a ^ b),
        (~x, ~a),
        (x.isnan(), np.isnan(x.to_numpy())),
        (x.isfinite(), np.isfinite(x.to_numpy())),
        ((x / 0).isinf(), [False, False, True, False]),
        (x.any(), [True]),
        (stack([x, y]).any(1), [True, True]),
        (x.count_nonzero(), [2]),
    ]:
        assert received.tolist() == np.asarray(expected, float).tolist()
    assert (x != 0).kind == (x & y).kind == (~x).kind == x.any().kind == "truth"


@given(st.lists(st.floats(width=32), min_size=1, max_size=4), st.booleans())
def test_isclose(xs: list[float], equal_nan: bool) -> None:
    near = [x * (1 + 1e-6) for x in xs]
    ys = [*near[1:], near[0]] if equal_nan else near
    options: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-8, "equal_nan": equal_nan}
    received = tensor(xs).isclose(tensor(ys), **options)
    assert received.tolist() == np.isclose(xs, ys, **options).astype(float).tolist()
    assert tensor(xs).allclose(tensor(ys), **options) == np.allclose(xs, ys, **options)


# Reductions


@given(shapes, seeds, st.booleans(), st.data())
@settings(max_examples=25)
def test_reductions(shape: tuple[int, ...], seed: int, keep: bool, draws: st.DataObject) -> None:
    x = np.random.default_rng(seed).integers(-2, 3, shape).astype(float)
    dim = draws.draw(st.integers(-len(shape), len(shape) - 1))
    t = tensor(x)
    for received, expected in [
        (t.prod(dim, keep), x.prod(dim, keepdims=keep)),
        (t.amax(dim, keep), x.max(dim, keepdims=keep)),
        (t.min(dim, keep).values, x.min(dim, keepdims=keep)),
        (t.argmax(dim, keep), x.argmax(dim, keepdims=keep)),
        (t.min(dim, keep).indices, x.argmin(dim, keepdims=keep)),
        (t.var(dim, 0, keep), x.var(dim, keepdims=keep)),
        (t.any(dim, keep), x.any(dim, keepdims=keep)),
        (t.cumsum(dim), x.cumsum(dim)),
        (t.norm(math.inf, dim, keep), np.abs(x).max(dim, keepdims=keep)),
        (t.argsort(dim), np.argsort(x, dim, kind="stable")),
        (t.argsort(dim, descending=True), np.argsort(-x, dim, kind="stable")),
        (t.argmin(), [x.argmin()]),
        (t.prod(), [x.prod()]),
        (t.min(), [x.min()]),
        (t.unique(), np.unique(x)),
        (t.nonzero(), np.argwhere(x)),
        (t.median(), [np.sort(x.ravel())[(x.size - 1) // 2]]),
    ]:
        assert received.shape == np.shape(expected)
        np.testing.assert_allclose(received.to_numpy(), np.asarray(expected, float), atol=1e-15)


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_the_gradient_of_a_product_with_zeros(zeros: int) -> None:
    x = tensor([3.0, *[0.0] * zeros, 2.0])
    grad_check(lambda x: x.prod(), x)


def test_nan_is_the_largest_and_the_smallest() -> None:
    x = tensor([[1.0, math.nan, 3.0], [1.0, 2.0, 3.0]])
    assert x.argmax(1).tolist() == [1.0, 2.0]
    assert x.argmin(1).tolist() == [1.0, 0.0]
    np.testing.assert_array_equal(x.median(1).values.to_numpy(), [math.nan, 2.0])
    assert x.sort(1, descending=True).indices.tolist()[0] == [1.0, 2.0, 0.0]


def test_logsumexp_of_large_and_infinite_elements() -> None:
    x = tensor([[1000.0, 1000.0], [-math.inf, -math.inf], [math.inf, 0.0]])
    assert x.logsumexp(1).tolist() == [1000.0 + math.log(2.0), -math.inf, math.inf]


def test_cumulative_sums_of_float32_do_not_stall() -> None:
    count = 2**24 + 8
    sums = from_numpy(np.ones(count, np.float32), Reference(np.float32)).cumsum(0)
    assert sums[count - 1] == count


def test_positions_that_float32_does_not_represent() -> None:
    x = from_numpy(np.zeros(2**24 + 2, np.float32), Reference(np.float32))
    x[2**24 + 1] = 1.0
    with pytest.raises(ShapeError, match="argmax: position 16777217; float32 represents"):
        x.argmax()
    assert x.amax().item() == 1.0


# Shapes


@given(shapes, seeds, st.data())
@settings(max_examples=25)
def test_rearrangements(shape: tuple[int, ...], seed: int, draws: st.DataObject) -> None:
    x = np.random.default_rng(seed).normal(size=shape)
    t, dims = tensor(x), st.integers(-len(shape), len(shape) - 1)
    dim, other = draws.draw(dims), draws.draw(dims)
    size, step = draws.draw(st.integers(1, 4)), draws.draw(st.integers(-4, 4))
    for received, expected in [
        (t.transpose(dim, other), x.swapaxes(dim, other)),
        (t.T, x.T),
        (t.flatten(), x.ravel()),
        (t.squeeze(), x.squeeze()),
        (t.flip(dim), np.flip(x, dim)),
        (t.roll(step, dim), np.roll(x, step, dim)),
        (t.roll(step), np.roll(x, step)),
        (t.T.reshape(-1, shape[0]), x.T.reshape(-1, shape[0])),
        (t.unsqueeze(dim), np.expand_dims(x, dim)),
        (t.repeat(2, *[1] * len(shape)), np.tile(x, (2, *[1] * len(shape)))),
        (t.clone(), x),
    ]:
        assert received.shape == expected.shape
        np.testing.assert_array_equal(received.to_numpy(), expected)
    ends = range(size, shape[dim], size)
    for parts, arrays in [
        (t.split(size, dim), np.split(x, list(ends), dim)),
        (t.unbind(dim), list(np.moveaxis(x, dim, 0))),
    ]:
        assert len(parts) == len(arrays)
        for part, array in zip(parts, arrays, strict=True):
            np.testing.assert_array_equal(part.to_numpy(), array, strict=True)
            assert np.shares_memory(part.to_numpy(), t.to_numpy()), "a view"
    assert [part.shape[dim] for part in t.chunk(2, dim)] == [
        len(part) for part in np.split(np.arange(shape[dim]), [-(-shape[dim] // 2)]) if len(part)
    ]


def test_unbind_and_squeeze_keep_gradients_of_single_elements() -> None:
    x = tensor([[2.0, 3.0]], requires_grad=True)
    a, b = x.squeeze(0).unbind()
    (a * b).backward()
    assert x.grad.tolist() == [[3.0, 2.0]]


# Products


@given(seeds, st.sampled_from(["ij,jk->ik", "ij,jk", "ij->ji", "ij->", "ij,ij->i", "ij,kl->likj"]))
def test_einsum(seed: int, expression: str) -> None:
    groups = expression.partition("->")[0].split(",")
    sizes = {"i": 2, "j": 3, "k": 2, "l": 1}
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=[sizes[letter] for letter in group]) for group in groups]
    received = einsum(expression, *map(tensor, arrays))
    np.testing.assert_allclose(received.to_numpy(), np.einsum(expression, *arrays), atol=1e-14)


@pytest.mark.parametrize(
    ("a", "b"),
    [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 2, 3), (3, 1)), ((3,), (2, 3, 4))],
)
def test_matmul(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = numbers(*a), numbers(*b, seed=1)
    expected = np.matmul(x.to_numpy(), y.to_numpy())
    assert matmul(x, y).shape == expected.shape
    np.testing.assert_allclose(matmul(x, y).to_numpy(), expected)
    grad_check(matmul, x, y)


def test_products_of_vectors_and_matrices() -> None:
    a, b, batch = numbers(2, 3), numbers(3, 2, seed=1), numbers(4, 3, 2, seed=2)
    np.testing.assert_allclose(a.mm(b).to_numpy(), a.to_numpy() @ b.to_numpy())
    np.testing.assert_allclose(
        batch.bmm(batch.transpose(1, 2)).to_numpy(),
        batch.to_numpy() @ batch.to_numpy().swapaxes(1, 2),
    )
    assert a[0].dot(a[0]).item() == pytest.approx(float((a.to_numpy()[0] ** 2).sum()))


# Messages


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.pow("2"), TypeError, "unsupported operand"),
        (lambda x: x.eq("2"), TypeError, "an operand of type str"),
        (lambda x: x.clamp(), TypeError, "clamp: no bound; pass min, max or both"),
        (lambda x: x.max(x), TypeError, r"max: dim is a tensor; maximum\(x, y\) compares"),
        (lambda x: x[:, :0].max(1), ShapeError, r"max: shape \(2, 0\) has no elements"),
        (lambda x: x[:, :0].median(1), ShapeError, "median: .* no elements along dimension 1"),
        (lambda x: x.norm(3), ValueError, "norm: p=3, dim=None; p must be 1, 2 or inf"),
        (lambda x: x.topk(4), ShapeError, "topk: k = 4; dimension 1 .* has 3"),
        (lambda x: x.sort(2), IndexingError, "sort: no dimension 2"),
        (lambda x: x.flatten(1, 0), ShapeError, "flatten: start_dim 1 is after end_dim 0"),
        (lambda x: x.reshape(4, -1), IndexingError, "view: 6 elements do not fit"),
        (lambda x: x[None].t(), ShapeError, r"t: shape \(1, 2, 3\) .* transpose\(-2, -1\)"),
        (lambda x: x.repeat(2), ShapeError, r"repeat: counts \(2,\) for shape \(2, 3\)"),
        (lambda x: x.split(0), ShapeError, "split: size 0; .* at least one"),
        (lambda x: x.split([1, 1], 1), ShapeError, r"split: sizes \(1, 1\) add up to 2"),
        (lambda x: x.chunk(0), ShapeError, "chunk: 0 parts"),
        (lambda x: x.roll([1, 2], 0), ShapeError, "roll: 2 shifts for 1 dimensions"),
        (lambda x: x[0].tril(), ShapeError, r"tril: shape \(3,\) is not a matrix"),
        (lambda x: x.gather(0, [0]), ShapeError, r"gather: an index of shape \(1,\)"),
        (lambda x: x.gather(1, [[3]]), IndexingError, "gather: positions from 3 to 3 .* has 3"),
        (lambda x: x.gather(1, x > 0), TypeError, "gather: the indices are truth values"),
        (
            lambda x: x.gather(1, x / 3),
            TypeError,
            "gather: indices of float64; they must",
        ),
        (lambda x: x.mm(x[0]), ShapeError, r"mm: shapes \(2, 3\) and \(3,\); .* 2 dimensions"),
        (lambda x: x.bmm(x), ShapeError, "bmm: .* must have 3 dimensions"),
        (lambda x: x.dot(x), ShapeError, "dot: .* must have 1 dimension;"),
        (lambda x: matmul(x, tensor(1.0)), ShapeError, r"matmul: shapes \(2, 3\) and \(\)"),
        (lambda x: einsum("ii->i", x), ValueError, "repeats a letter"),
        (lambda x: einsum("...i->i", x), ValueError, "name the dimensions that an ellipsis"),
        (lambda x: einsum("ij->k", x), ValueError, "a letter that no operand has"),
        (lambda x: einsum("ij,jk->ik", x), ShapeError, "does not fit operands of shapes"),
        (lambda x: einsum("ij,jk->ik", x, x), ShapeError, "dimension j has sizes 3 and 2"),
        (lambda x: stack([x, x[0]]), ShapeError, "stack: shapes .* must be equal"),
        (
            lambda x: stack([x, 1.0]),  # type: ignore[list-item]
            TypeError,
            "concatenate: float is not a tensor",
        ),
    ],
)
def test_messages(call: Callable[[Tensor], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(tensor(np.arange(6.0).reshape(2, 3)))


REDUCTIONS = "sum mean all any max min amax amin argmax argmin prod var std logsumexp sort median"


@pytest.mark.parametrize("name", REDUCTIONS.split())
def test_arguments_of_numpy_name_those_of_tensors(name: str) -> None:
    function = getattr(tensor([[1.0, 2.0]]), name)
    with pytest.raises(TypeError, match=f"{name}: 'axis' is no argument of the function; use dim"):
        function(axis=1)
    with pytest.raises(TypeError, match=f"{name}: 'keepdims' is no .*; use keepdim"):
        function(dim=1, keepdims=True)


def test_other_arguments_of_sums() -> None:
    with pytest.raises(TypeError, match="sum: 'dtype' is no argument of the function; leave it"):
        tensor([1.0]).sum(dtype=float)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"var: 'unbiased' is no argument .*; use correction"):
        tensor([1.0]).var(unbiased=False)  # type: ignore[call-arg]
