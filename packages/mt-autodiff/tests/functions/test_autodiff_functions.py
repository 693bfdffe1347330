"""Every operation: forward compared with NumPy, backward with central differences."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mt_autodiff import (
    Tensor,
    concatenate,
    conv1d,
    conv2d,
    grad_check,
    pad,
    tensor,
)
from mt_autodiff.catalog import OPS, Op
from mt_autodiff.functions.products import Convolution
from mt_tensor import REFERENCE, Backend, Reference, ShapeError, host_array
from tools.layouts import LAYOUTS

Array: TypeAlias = npt.NDArray[Any]

SINGLE = Reference(np.float32)
ops = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
OPS_BY_NAME = {op.name: op for op in OPS}
ELEMENTWISE = [op.name for op in OPS if op.elementwise]

sizes = st.integers(0, 3)
shapes = st.lists(sizes, max_size=3).map(tuple)
seeds = st.integers(0, 2**32 - 1)


def random(*shape: int, seed: int = 0) -> Tensor:
    """Return a constant of normal numbers."""
    return tensor(np.random.default_rng(seed).normal(size=shape))


# Forward


def correlate(x: Array, w: Array, reverse: bool, size: tuple[int, ...]) -> Array:
    """Return the sum over kernel offsets of shifted copies of the input."""
    reach = [n + k for n, k in zip(size, w.shape[2:], strict=True)]
    padded = np.pad(x, [(0, 0), (0, 0)] + [(r, r) for r in reach])
    out = np.zeros((x.shape[0], w.shape[0], *size))
    for offset in np.ndindex(w.shape[2:]):
        starts = [r + (-o if reverse else o) for r, o in zip(reach, offset, strict=True)]
        window = tuple(slice(b, b + n) for b, n in zip(starts, size, strict=True))
        shifted = padded[(slice(None), slice(None), *window)]
        out += np.einsum("nc...,oc->no...", shifted, w[(slice(None), slice(None), *offset)])
    return out


ORACLES: dict[str, Callable[..., Array]] = {
    "neg": np.negative,
    "inv": np.reciprocal,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "log": lambda x: np.log(x + 1e-6),
    "ln": np.log,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "square": np.square,
    "power": lambda x: x**1.5,
    "pow": np.power,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "lt": np.less,
    "eq": np.equal,
    "is_close": lambda x, y: abs(x - y) < 0.01,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "erf": np.vectorize(math.erf, [float]),
    "gelu": lambda x: x * np.vectorize(NormalDist().cdf, [float])(x),
    "sin": np.sin,
    "cos": np.cos,
    "mod": np.mod,
    "maximum": np.maximum,
    "where": lambda c, x, y: np.asarray(np.where(c > 0, x, y)),
    "sum": lambda x: np.array([x.sum()]),
    "sum_dim": lambda x: x.sum(0),
    "sum_dims": lambda x: x.sum((0, -1)),
    "mean": lambda x: np.array([x.mean()]),
    "mean_dim": lambda x: x.mean(-1),
    "permute": lambda x: x.transpose(1, 2, 0),
    "view": lambda x: x.reshape(3, -1),
    "contiguous": lambda x: np.ascontiguousarray(x.T),
    "expand": lambda x: np.broadcast_to(x, (2, 3, 4)),
    "slice": lambda x: x[1:, None, ::2],
    "pad": lambda x: np.pad(x, ((1, 0), (2, 1))),
    "concatenate": lambda x, y: np.concatenate([x, y, x], 1),
    "take": lambda x: x[np.array([[2, 0], [2, 2]])],
    "index": lambda x: x[[1, 0, 1], 1:],
    "prod": lambda x: x.prod(0),
    "cumsum": lambda x: x.cumsum(1),
    "clone": np.copy,
    "matmul": np.matmul,
    "conv1d": lambda x, w: correlate(x, w, False, x.shape[2:]),
    "conv1d_reverse": lambda x, w: correlate(x, w, True, (4,)),
    "conv2d": lambda x, w: correlate(x, w, False, x.shape[2:]),
    "conv2d_reverse": lambda x, w: correlate(x, w, True, (2, 5)),
}


def test_every_op_has_an_oracle() -> None:
    assert set(ORACLES) == set(OPS_BY_NAME)


@ops
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("backend", [REFERENCE, SINGLE], ids=["double", "single"])
def test_forward(op: Op, layout: str, backend: Backend) -> None:
    if op.name == "view" and layout != "contiguous":
        return
    for seed in range(3):
        data = [LAYOUTS[layout](backend, a) for a in op.draw(np.random.default_rng(seed))]
        before = [host_array(d).copy() for d in data]
        received = op.call(*(Tensor(d, backend=backend) for d in data)).to_numpy()
        expected = ORACLES[op.name](*(b.astype(np.float64) for b in before))
        assert received.dtype == backend.dtype
        assert received.shape == expected.shape
        # Sums of a few terms around 1, some of which may cancel.
        few = 64 * np.finfo(backend.dtype).eps
        np.testing.assert_allclose(received, expected, rtol=few, atol=few)
        for d, b in zip(data, before, strict=True):
            assert np.array_equal(host_array(d), b), "operands are not changed"


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(shape=shapes, seed=seeds, draws=st.data())
@settings(max_examples=20)
def test_elementwise_forward_broadcasts(
    name: str, shape: tuple[int, ...], seed: int, draws: st.DataObject
) -> None:
    op = OPS_BY_NAME[name]
    given_shapes = [
        tuple(1 if draws.draw(st.booleans()) else n for n in shape[draws.draw(st.integers(0, 3)) :])
        for _ in range(op.arity)
    ]
    arrays = op.draw(np.random.default_rng(seed), given_shapes)
    received = op.call(*map(tensor, arrays)).to_numpy()
    np.testing.assert_allclose(received, ORACLES[name](*arrays), rtol=1e-13, atol=1e-13)


# Backward: the layouts of operands and of gradients

Rearrange: TypeAlias = Callable[[Tensor], Tensor]


def turned(x: Tensor) -> Tensor:
    """Return the same elements in column-major order."""
    order = tuple(reversed(range(x.dims)))
    return x.permute(*order).contiguous().permute(*order)


def cut_out(x: Tensor) -> Tensor:
    """Return the same elements as a slice of a larger tensor."""
    view: Tensor = pad(x, [(1, 2)] * x.dims)[tuple(slice(1, -2) for _ in range(x.dims))]
    return view


def spread(x: Tensor) -> Tensor:
    """Return the same elements as a strided slice."""
    view: Tensor = concatenate([x[..., None], x[..., None] + 1.0], -1)[..., 0]
    return view


def repeated(x: Tensor) -> Tensor:
    """Return the first row or column repeated, with strides of 0."""
    few: Tensor = x[tuple(slice(1 if dim % 2 == 0 else None) for dim in range(x.dims))]
    return few.expand(x.shape)


BEFORE: dict[str, Rearrange] = {
    "as it is": lambda x: x,
    "turned": turned,
    "cut out": cut_out,
    "spread": spread,
    "repeated": repeated,
}
# The operation after another one determines the layout of its upstream gradient.
AFTER: dict[str, Rearrange] = {
    "as it is": lambda y: y,
    "turned": lambda y: y.permute(*reversed(range(y.dims))),
    "padded": lambda y: pad(y, [(1, 1)] * y.dims),
    "summed": lambda y: y.sum(0) if y.dims else y,
    "every other": lambda y: y[::2] if y.dims else y,
}


@ops
@pytest.mark.parametrize("before", BEFORE)
def test_backward_of_operands_in_any_layout(op: Op, before: str) -> None:
    if op.name == "view" and before != "as it is":
        return
    xs = [tensor(a) for a in op.draw(np.random.default_rng(0))]

    def f(*args: Tensor) -> Tensor:
        return op.call(*map(BEFORE[before], args))

    grad_check(f, *xs)


@ops
@pytest.mark.parametrize("after", AFTER)
def test_backward_of_gradients_in_any_layout(op: Op, after: str) -> None:
    xs = [tensor(a) for a in op.draw(np.random.default_rng(1))]
    grad_check(lambda *args: AFTER[after](op.call(*args)), *xs)


@ops
def test_backward_in_float32(op: Op) -> None:
    grad_check(op.call, *(tensor(a, SINGLE) for a in op.draw(np.random.default_rng(2))))


@ops
def test_backward_with_one_constant_operand(op: Op) -> None:
    xs = [tensor(a) for a in op.draw(np.random.default_rng(3))]
    for at, x in enumerate(xs):
        grad_check(lambda y, at=at: op.call(*xs[:at], y, *xs[at + 1 :]), x)


@ops
def test_backward_at_several_shapes(op: Op) -> None:
    if not op.elementwise:
        return
    rng = np.random.default_rng(4)
    for shape in ((), (1,), (0,), (2, 0, 3), (3, 1, 2), (1,) * 12):
        grad_check(op.call, *map(tensor, op.draw(rng, [shape] * op.arity)))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "lt", "eq", "is_close"])
@given(full=st.lists(st.integers(0, 2), max_size=3).map(tuple), seed=seeds, draws=st.data())
@settings(max_examples=25)
@example(full=(1, 1, 1), seed=0, draws=None)
def test_backward_of_operands_that_broadcast(
    name: str, full: tuple[int, ...], seed: int, draws: st.DataObject | None
) -> None:
    if draws is None:
        pair = [(1, 1, 1), ()]
    else:
        pair = [
            tuple(1 if draws.draw(st.booleans()) else n for n in full[draws.draw(sizes) :])
            for _ in range(2)
        ]
    op = OPS_BY_NAME[name]
    grad_check(op.call, *map(tensor, op.draw(np.random.default_rng(seed), pair)))


@ops
def test_the_same_tensor_for_all_operands(op: Op) -> None:
    if op.arity != 2 or not op.elementwise or op.name in ("lt", "eq", "is_close"):
        return
    x = tensor(np.random.default_rng(0).uniform(0.5, 2.0, (2, 3)))
    grad_check(lambda x: op.call(x, x), x)


@given(st.lists(st.integers(1, 2), max_size=4), st.data())
@settings(max_examples=25)
def test_permutations(shape: list[int], draws: st.DataObject) -> None:
    order = draws.draw(st.permutations(range(len(shape))))
    x = random(*shape)
    assert np.array_equal(x.permute(*order).to_numpy(), x.to_numpy().transpose(order))
    assert np.shares_memory(x.permute(*order).to_numpy(), x.to_numpy())
    grad_check(lambda x: x.permute(order), x)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((2, 3), (3, 2)),
        ((1, 1), (1, 1)),
        ((2, 3), (3, 0)),
        ((2, 0), (0, 3)),
        ((0, 3), (3, 2)),
        ((4, 2, 3), (3, 2)),
        ((2, 3), (4, 3, 2)),
        ((4, 1, 2, 3), (3, 3, 1)),
        ((0, 2, 3), (1, 3, 2)),
        ((1, 2, 3), (3, 2)),
    ],
)
def test_matmul(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = random(*left), random(*right, seed=1)
    np.testing.assert_allclose((a @ b).to_numpy(), a.to_numpy() @ b.to_numpy(), atol=1e-14)
    grad_check(lambda a, b: a @ b, a, b)
    if a.size and b.size:
        grad_check(lambda a, b: turned(a) @ turned(b), a, b)


def test_a_matrix_times_its_own_transpose() -> None:
    grad_check(lambda a: a @ a.permute(1, 0) @ a, random(2, 3))


@given(
    st.tuples(*[st.integers(1, 2)] * 3),
    st.integers(0, 4),
    st.integers(0, 4),
    st.none() | st.integers(0, 5),
    st.booleans(),
)
@settings(max_examples=40)
def test_conv1d(
    counts: tuple[int, int, int], width: int, kernel: int, size: int | None, reverse: bool
) -> None:
    batch, channels, out_channels = counts
    x, w = random(batch, channels, width), random(out_channels, channels, kernel, seed=1)
    expected = correlate(x.to_numpy(), w.to_numpy(), reverse, (width if size is None else size,))
    np.testing.assert_allclose(conv1d(x, w, reverse, size).to_numpy(), expected, atol=1e-14)
    grad_check(lambda x, w: conv1d(x, w, reverse, size), x, w)


small = st.integers(0, 3)


@given(
    st.tuples(small, small),
    st.tuples(small, small),
    st.none() | st.tuples(small, small),
    st.booleans(),
)
@settings(max_examples=25)
def test_conv2d(
    image: tuple[int, int],
    kernel: tuple[int, int],
    size: tuple[int, int] | None,
    reverse: bool,
) -> None:
    x, w = random(2, 1, *image), random(1, 1, *kernel, seed=1)
    expected = correlate(x.to_numpy(), w.to_numpy(), reverse, image if size is None else size)
    np.testing.assert_allclose(conv2d(x, w, reverse, size).to_numpy(), expected, atol=1e-14)
    grad_check(lambda x, w: conv2d(x, w, reverse, size), x, w)


def test_convolution_in_three_dimensions() -> None:
    class Conv3dFun(Convolution):
        spatial = 3

    x, w = random(1, 2, 2, 3, 2), random(2, 2, 2, 1, 2, seed=1)
    for reverse in (False, True):
        expected = correlate(x.to_numpy(), w.to_numpy(), reverse, (2, 3, 2))
        received = Conv3dFun.apply(x, w, reverse).to_numpy()
        np.testing.assert_allclose(received, expected, atol=1e-14)
        grad_check(lambda x, w, reverse=reverse: Conv3dFun.apply(x, w, reverse), x, w)


def test_convolution_inputs_with_other_dimensions() -> None:
    with pytest.raises(ShapeError, match=r"conv2d: input \(1, 2, 3\).*\(batch, channels, H, W\)"):
        conv2d(random(1, 2, 3), random(1, 2, 3))
    with pytest.raises(ShapeError, match=r"conv1d: input \(1, 1, 2, 3\).*\(batch, channels, W\)"):
        conv1d(random(1, 1, 2, 3), random(1, 1, 2, 3))
