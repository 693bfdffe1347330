"""Every operation, forward and backward, compared with PyTorch."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mt_autodiff import (
    History,
    Tensor,
    concatenate,
    conv1d,
    conv2d,
    from_dlpack,
    pad,
    take,
    tensor,
)
from mt_autodiff.catalog import COMPOSED, OPS, Op
from mt_tensor import REFERENCE, Backend, Reference, host_array
from tools.layouts import LAYOUTS

pytestmark = pytest.mark.oracle

Array: TypeAlias = npt.NDArray[Any]
Oracle: TypeAlias = Callable[..., Any]

SINGLE = Reference(np.float32)
ops = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
seeds = st.integers(0, 2**32 - 1)
# The fixtures are the same for every example.
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def slide(torch: Any, x: Any, w: Any, reverse: bool, size: tuple[int, ...]) -> Any:
    """Return the library's correlation computed with PyTorch's, which pads nothing."""
    widths: list[int] = []
    for n, width, kernel in zip(size, x.shape[2:], w.shape[2:], strict=True):
        ends = (kernel - 1, n - width) if reverse else (0, n + kernel - 1 - width)
        widths = [*ends, *widths]  # The last dimension comes first.
    dims = list(range(2, w.dim()))
    convolve = torch.nn.functional.conv1d if len(size) == 1 else torch.nn.functional.conv2d
    return convolve(torch.nn.functional.pad(x, widths), w.flip(dims) if reverse else w)


@pytest.fixture(scope="module")
def oracles(torch: Any) -> dict[str, Oracle]:
    return {
        "neg": torch.neg,
        "inv": torch.reciprocal,
        "sigmoid": torch.sigmoid,
        "relu": torch.relu,
        "log": lambda x: torch.log(x + 1e-6),
        "ln": torch.log,
        "exp": torch.exp,
        "sqrt": torch.sqrt,
        "square": torch.square,
        "power": lambda x: x**1.5,
        "pow": torch.pow,
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        # PyTorch's comparisons return bools without a gradient; the library's gradient is zero.
        "lt": lambda x, y: (x < y) + 0 * (x + y),
        "eq": lambda x, y: (x == y) + 0 * (x + y),
        "is_close": lambda x, y: ((x - y).abs() < 0.01) + 0 * (x + y),
        "abs": torch.abs,
        "sign": torch.sign,
        "floor": torch.floor,
        "log1p": torch.log1p,
        "tanh": torch.tanh,
        "erf": torch.erf,
        "gelu": torch.nn.functional.gelu,
        "sin": torch.sin,
        "cos": torch.cos,
        "mod": torch.remainder,
        "maximum": torch.maximum,
        "where": lambda c, x, y: torch.where(c > 0, x, y) + 0 * c,
        "sum": lambda x: x.sum().view(1),
        "sum_dim": lambda x: x.sum(0),
        "sum_dims": lambda x: x.sum((0, -1)),
        "mean": lambda x: x.mean().view(1),
        "mean_dim": lambda x: x.mean(-1),
        "permute": lambda x: x.permute(1, 2, 0),
        "view": lambda x: x.reshape(3, -1),
        "contiguous": lambda x: x.T.contiguous(),
        "expand": lambda x: x.expand(2, 3, 4),
        "slice": lambda x: x[1:, None, ::2],
        "pad": lambda x: torch.nn.functional.pad(x, (2, 1, 1, 0)),
        "concatenate": lambda x, y: torch.cat([x, y, x], 1),
        "take": lambda x: torch.nn.functional.embedding(torch.tensor([[2, 0], [2, 2]]), x),
        "index": lambda x: x[[1, 0, 1], 1:],
        "prod": lambda x: x.prod(0),
        "cumsum": lambda x: x.cumsum(1),
        "clone": torch.clone,
        "matmul": torch.matmul,
        "conv1d": lambda x, w: slide(torch, x, w, False, x.shape[2:]),
        "conv1d_reverse": lambda x, w: slide(torch, x, w, True, (4,)),
        "conv2d": lambda x, w: slide(torch, x, w, False, x.shape[2:]),
        "conv2d_reverse": lambda x, w: slide(torch, x, w, True, (2, 5)),
    }


def compare(
    torch: Any,
    ours: Callable[..., Tensor],
    theirs: Oracle,
    leaves: list[Tensor],
    seed: int = 0,
    layout: str = "contiguous",
) -> None:
    """Compare values, and gradients from a random upstream gradient in a layout."""
    twins = [torch.tensor(x.to_numpy().copy(), requires_grad=True) for x in leaves]
    received, expected = ours(*leaves), theirs(*twins)
    assert received.shape == tuple(expected.shape)
    few = 64 * np.finfo(received.dtype).eps
    np.testing.assert_allclose(received.to_numpy(), expected.detach().numpy(), rtol=few, atol=few)
    if received.size == 0:
        return
    backend = received.backend
    normal = np.random.default_rng(seed).normal(size=received.shape)
    upstream = Tensor(LAYOUTS[layout](backend, normal), backend=backend)
    received.backward(upstream)
    expected.backward(torch.tensor(upstream.to_numpy().copy()))
    for x, twin in zip(leaves, twins, strict=True):
        assert x.grad is not None
        assert x.grad.shape == x.shape
        assert x.grad.to_numpy().dtype == x.dtype
        gradient = np.zeros(x.shape) if twin.grad is None else twin.grad.numpy()
        np.testing.assert_allclose(x.grad.to_numpy(), gradient, rtol=few, atol=few)


def leaf(array: Array, backend: Backend = REFERENCE, layout: str = "contiguous") -> Tensor:
    return Tensor(LAYOUTS[layout](backend, np.asarray(array)), History(), backend=backend)


# The catalogue


def test_every_op_has_an_oracle(oracles: dict[str, Oracle]) -> None:
    assert set(oracles) == {op.name for op in OPS}


@ops
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("upstream", LAYOUTS)
@pytest.mark.parametrize("backend", [REFERENCE, SINGLE], ids=["double", "single"])
def test_catalogue(
    torch: Any,
    oracles: dict[str, Oracle],
    op: Op,
    layout: str,
    upstream: str,
    backend: Backend,
) -> None:
    if op.name == "view" and layout != "contiguous":
        return
    leaves = [leaf(a, backend, layout) for a in op.draw(np.random.default_rng(0))]
    compare(torch, op.call, oracles[op.name], leaves, layout=upstream)


COMPOSED_ORACLES: dict[str, Callable[..., Any]] = {
    "clamp": lambda t, x: x.clamp(-0.1, 0.1),
    "minimum": lambda t, x, y: t.minimum(x, y),
    "masked_fill": lambda t, x: x.masked_fill(x > 0, 7.0),
    "log2": lambda t, x: x.log2(),
    "log10": lambda t, x: x.log10(),
    "rsqrt": lambda t, x: x.rsqrt(),
    "reciprocal": lambda t, x: x.reciprocal(),
    "ceil": lambda t, x: x.ceil(),
    "round": lambda t, x: x.round(),
    "floor_divide": lambda t, x, y: t.div(x, y, rounding_mode="floor"),
    "gelu_tanh": lambda t, x: t.nn.functional.gelu(x, approximate="tanh"),
    "base_2": lambda t, x: 2.0**x,
    "var": lambda t, x: x.var(1),
    "std": lambda t, x: x.std().view(1),
    "norm": lambda t, x: x.norm().view(1),
    "norm_1": lambda t, x: x.norm(1, dim=0),
    "logsumexp": lambda t, x: x.logsumexp(1),
    "max": lambda t, x: x.max().view(1),
    "max_dim": lambda t, x: x.max(1).values,
    "amin": lambda t, x: x.amin(0, keepdim=True),
    "sort": lambda t, x: x.sort(1).values,
    "topk": lambda t, x: x.topk(2, 1).values,
    "median": lambda t, x: x.median(1).values,
    "gather": lambda t, x: x.gather(1, t.tensor([[2, 0], [1, 1]])),
    "index_select": lambda t, x: x.index_select(1, t.tensor([2, 2])),
    "masked_select": lambda t, x: x.masked_select(x > 0),
    "mask": lambda t, x: x[x > 0],
    "reshape": lambda t, x: x.T.reshape(2, -1),
    "flatten": lambda t, x: x.flatten(1),
    "transpose": lambda t, x: x.transpose(0, -1),
    "squeeze": lambda t, x: x.squeeze(),
    "unsqueeze": lambda t, x: x.unsqueeze(1),
    "repeat": lambda t, x: x.repeat(2, 1, 2),
    "split": lambda t, x: x.split([1, 2], 1)[1],
    "unbind": lambda t, x: x.unbind(1)[2],
    "flip": lambda t, x: x.flip(0, 1),
    "roll": lambda t, x: x.roll(1, 1),
    "tril": lambda t, x: x.tril(),
    "triu": lambda t, x: x.triu(1),
    "stack": lambda t, x, y: t.stack([x, y], 1),
    "matmul_vector": lambda t, x, y: t.matmul(x, y),
    "outer": lambda t, x, y: x.outer(y),
    "einsum": lambda t, x, y: t.einsum("bij,kjb->bki", x, y),
    "einsum_of_three": lambda t, x, y, z: t.einsum("ij,jk,k->i", x, y, z),
}


@pytest.mark.parametrize("op", COMPOSED, ids=lambda op: op.name)
@pytest.mark.parametrize("backend", [REFERENCE, SINGLE], ids=["double", "single"])
def test_composed_operations(torch: Any, op: Op, backend: Backend) -> None:
    leaves = [leaf(a, backend, "permuted") for a in op.draw(np.random.default_rng(0))]
    oracle = COMPOSED_ORACLES[op.name]
    compare(torch, op.call, lambda *xs: oracle(torch, *xs), leaves)


@ops
@given(seed=seeds, draws=st.data())
@shared
def test_elementwise_ops_broadcast(
    torch: Any, oracles: dict[str, Oracle], op: Op, seed: int, draws: st.DataObject
) -> None:
    if not op.elementwise:
        return
    full = draws.draw(st.lists(st.integers(0, 3), max_size=3).map(tuple))
    given_shapes = [
        tuple(1 if draws.draw(st.booleans()) else n for n in full[draws.draw(st.integers(0, 3)) :])
        for _ in range(op.arity)
    ]
    arrays = op.draw(np.random.default_rng(seed), given_shapes)
    compare(torch, op.call, oracles[op.name], [leaf(a) for a in arrays], seed)


# Overflow, infinity and NaN

EDGES = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 710.0, -750.0, 40.0])


@pytest.mark.parametrize("name", ["neg", "inv", "sigmoid", "relu", "ln", "exp", "sqrt"])
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_edges(torch: Any, oracles: dict[str, Oracle], name: str, backward: bool) -> None:
    op = next(op for op in OPS if op.name == name)
    x, twin = leaf(EDGES), torch.tensor(EDGES, requires_grad=True)
    received, expected = op.call(x), oracles[name](twin)
    if not backward:
        np.testing.assert_allclose(received.to_numpy(), expected.detach().numpy(), rtol=1e-15)
        return
    received.backward(np.ones(EDGES.shape))
    expected.backward(torch.ones(len(EDGES), dtype=torch.float64))
    gradient, known = x.grad.to_numpy(), twin.grad.numpy()
    if name == "relu":
        # Where the input is NaN, PyTorch passes the gradient on; the library's is 0.
        known = np.where(np.isnan(EDGES), 0.0, known)
    np.testing.assert_allclose(gradient, known, rtol=1e-15, atol=1e-15)


# Parameters of operations


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), seeds, st.data())
@shared
def test_reductions(torch: Any, shape: list[int], seed: int, draws: st.DataObject) -> None:
    dims = tuple(draws.draw(st.sets(st.integers(-len(shape), -1), min_size=1)))
    x = np.random.default_rng(seed).normal(size=shape)
    keep = draws.draw(st.booleans())
    for name in ("sum", "mean"):
        compare(
            torch,
            lambda x, name=name: getattr(x, name)(dims, keepdim=keep),
            lambda x, name=name: getattr(x, name)(dims, keepdim=keep),
            [leaf(x)],
            seed,
        )


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), seeds, st.data())
@shared
def test_slices(torch: Any, shape: list[int], seed: int, draws: st.DataObject) -> None:
    bounds = st.none() | st.integers(-5, 5)
    key: list[Any] = [
        slice(draws.draw(bounds), draws.draw(bounds), draws.draw(st.integers(1, 3)))
        if draws.draw(st.booleans())
        else draws.draw(st.integers(-n, n - 1))
        for n in shape
    ]
    key.insert(draws.draw(st.integers(0, len(key))), draws.draw(st.sampled_from([None, ...])))
    if all(isinstance(entry, int) or entry is ... for entry in key):
        return  # A full index is a plain number.
    x = np.random.default_rng(seed).normal(size=shape)
    at = tuple(key)
    compare(torch, lambda x: x[at], lambda x: x[at], [leaf(x)], seed)


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=3), seeds)
@shared
def test_pad_and_concatenate(torch: Any, dims: list[tuple[int, int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=[n + 1 for n, _, _ in dims])
    widths = [(before, after) for _, before, after in dims]
    theirs = [n for pair in reversed(widths) for n in pair]
    compare(
        torch, lambda x: pad(x, widths), lambda x: torch.nn.functional.pad(x, theirs), [leaf(x)]
    )
    for dim in range(-x.ndim, x.ndim):
        both = [leaf(x), leaf(x[:1] if dim in (0, -x.ndim) else x)]
        compare(
            torch,
            lambda *xs, dim=dim: concatenate(xs, dim),
            lambda *xs, dim=dim: torch.cat(xs, dim),
            both,
            seed,
        )


@given(st.lists(st.integers(0, 3), max_size=12), seeds)
@shared
def test_take(torch: Any, rows: list[int], seed: int) -> None:
    table = leaf(np.random.default_rng(seed).normal(size=(4, 3)))
    indices = torch.tensor(rows, dtype=torch.int64)
    compare(
        torch,
        lambda table: take(table, rows),
        lambda table: torch.nn.functional.embedding(indices, table),
        [table],
        seed,
    )


@given(
    st.lists(st.integers(1, 2), max_size=2).map(tuple),
    st.tuples(*[st.integers(1, 3)] * 3),
    seeds,
    st.data(),
)
@shared
def test_matmul(
    torch: Any,
    batch: tuple[int, ...],
    mkn: tuple[int, int, int],
    seed: int,
    draws: st.DataObject,
) -> None:
    m, k, n = mkn
    left, right = (
        tuple(1 if draws.draw(st.booleans()) else b for b in batch[draws.draw(st.integers(0, 2)) :])
        for _ in range(2)
    )
    rng = np.random.default_rng(seed)
    layout = draws.draw(st.sampled_from(list(LAYOUTS)))
    leaves = [
        leaf(rng.normal(size=(*left, m, k)), layout=layout),
        leaf(rng.normal(size=(*right, k, n)), layout=layout),
    ]
    compare(torch, lambda a, b: a @ b, torch.matmul, leaves, seed)


@pytest.mark.parametrize("dims", [1, 2])
@given(
    counts=st.tuples(*[st.integers(1, 2)] * 3), reverse=st.booleans(), seed=seeds, draws=st.data()
)
@shared
def test_convolutions(
    torch: Any,
    dims: int,
    counts: tuple[int, int, int],
    reverse: bool,
    seed: int,
    draws: st.DataObject,
) -> None:
    batch, channels, out_channels = counts
    several = st.tuples(*[st.integers(1, 4)] * dims)
    width, kernel, size = (draws.draw(several) for _ in range(3))
    rng = np.random.default_rng(seed)
    layout = draws.draw(st.sampled_from(list(LAYOUTS)))
    leaves = [
        leaf(rng.normal(size=(batch, channels, *width)), layout=layout),
        leaf(rng.normal(size=(out_channels, channels, *kernel)), layout=layout),
    ]
    compare(
        torch,
        lambda x, w: (
            conv1d(x, w, reverse, size[0])
            if dims == 1
            else conv2d(x, w, reverse, (size[0], size[-1]))
        ),
        lambda x, w: slide(torch, x, w, reverse, size),
        leaves,
        seed,
    )


# Whole expressions


def test_a_network(torch: Any) -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, 2, 4, 4))
    kernels, bias = rng.normal(size=(3, 2, 2, 2)), rng.normal(size=(3, 1, 1))
    weights, offset = rng.normal(size=(48, 5)), rng.normal(size=5)
    leaves = [leaf(a) for a in (images, kernels, bias, weights, offset)]

    def ours(x: Tensor, k: Tensor, b: Tensor, w: Tensor, c: Tensor) -> Tensor:
        hidden = (conv2d(x, k) + b).relu().contiguous().view(3, 48)
        scores = (hidden @ w * 0.1 + c).sigmoid()
        return (scores / scores.exp().sum(1, keepdim=True)).ln().mean(0)

    def theirs(x: Any, k: Any, b: Any, w: Any, c: Any) -> Any:
        hidden = torch.relu(slide(torch, x, k, False, (4, 4)) + b).reshape(3, 48)
        scores = torch.sigmoid(hidden @ w * 0.1 + c)
        return (scores / scores.exp().sum(1, keepdim=True)).log().mean(0)

    compare(torch, ours, theirs, leaves)


# DLPack


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("backend", [REFERENCE, SINGLE], ids=["double", "single"])
def test_to_torch(torch: Any, layout: str, backend: Backend) -> None:
    x = Tensor(LAYOUTS[layout](backend, np.arange(6.0).reshape(2, 3)), backend=backend)
    theirs = torch.from_dlpack(x)
    assert theirs.dtype == (torch.float64 if backend is REFERENCE else torch.float32)
    assert theirs.tolist() == x.to_numpy().tolist()
    theirs[1, 2] = -5.0
    if layout == "expanded":
        assert not (x.to_numpy() == -5.0).any(), "a copy, because elements repeat"
    else:
        assert x[1, 2] == -5.0, "the same memory"
    assert torch.as_tensor(np.asarray(x.contiguous())).tolist() == x.to_numpy().tolist()


@pytest.mark.parametrize(
    "arrange",
    [
        lambda t: t,
        lambda t: t.T,
        lambda t: t[:, ::2],
        lambda t: t[1:, 1:],
        lambda t: t.expand(2, 3, 4),
        lambda t: t[:0],
        lambda t: t.sum(),
        lambda t: t.to(int),
    ],
)
def test_from_torch(torch: Any, arrange: Callable[[Any], Any]) -> None:
    theirs = arrange(torch.arange(12, dtype=torch.float64).view(3, 4))
    x = from_dlpack(theirs)
    assert x.dtype == np.float64
    assert x.shape == tuple(theirs.shape)
    assert x.to_numpy().tolist() == theirs.tolist()
    if theirs.dtype == torch.float64 and theirs.numel():
        assert np.shares_memory(host_array(x.data), theirs.numpy())


def test_a_round_trip_shares_memory(torch: Any) -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    back = from_dlpack(torch.from_dlpack(x))
    assert np.shares_memory(back.to_numpy(), x.to_numpy())
    back[0, 1] = 9.0
    assert x[0, 1] == 9.0
