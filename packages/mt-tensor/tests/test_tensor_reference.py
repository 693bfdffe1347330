"""The reference backend compared with NumPy: every operation, dtype and memory layout."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mt_tensor import REFERENCE, Backend, Reference, TensorData, host_array, operators
from tools.layouts import LAYOUTS, Layout, guarded

Array: TypeAlias = npt.NDArray[Any]

SINGLE = Reference(np.float32)
backends = st.sampled_from([REFERENCE, SINGLE])
layouts = st.sampled_from(list(LAYOUTS.values()))
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(0, 3)
shapes = st.lists(sizes, max_size=3).map(tuple)


def filled(backend: Backend, layout: Layout, shape: tuple[int, ...], seed: int) -> TensorData:
    """Return random numbers between 0.1 and 2 in a layout."""
    return layout(backend, np.random.default_rng(seed).uniform(0.1, 2.0, shape))


def compare(backend: Backend, received: TensorData, expected: Array) -> None:
    """Compare shape, dtype and elements."""
    array = backend.to_numpy(received)
    assert array.dtype == backend.dtype
    np.testing.assert_allclose(array, expected, rtol=32 * np.finfo(backend.dtype).eps, strict=False)
    assert array.shape == expected.shape


@st.composite
def pairs_to_broadcast(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw two shapes that broadcast with one another."""
    full = draw(shapes)
    a, b = (
        tuple(1 if draw(st.booleans()) else size for size in full[draw(st.integers(0, 3)) :])
        for _ in range(2)
    )
    return a, b


# Map

UNARY: list[tuple[Callable[[float], float], Callable[[Array], Array]]] = [
    (operators.id, np.positive),
    (operators.neg, np.negative),
    (operators.inv, np.reciprocal),
    (operators.exp, np.exp),
    (operators.ln, np.log),
    (operators.log, lambda x: np.log(x.astype(np.float64) + 1e-6)),
    (operators.sqrt, np.sqrt),
    (operators.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    (operators.relu, lambda x: np.where(x > 0, x, 0)),
]


@pytest.mark.parametrize(("fn", "oracle"), UNARY, ids=lambda f: f.__name__)
@given(backend=backends, layout=layouts, shape=shapes, seed=seeds)
@example(backend=REFERENCE, layout=LAYOUTS["permuted"], shape=(1,) * 31 + (2,), seed=0)
def test_map(
    fn: Callable[[float], float],
    oracle: Callable[[Array], Array],
    backend: Backend,
    layout: Layout,
    shape: tuple[int, ...],
    seed: int,
) -> None:
    a = filled(backend, layout, shape, seed)
    compare(backend, backend.map(fn, a), oracle(host_array(a)))


@given(layouts, pairs_to_broadcast(), seeds)
def test_map_broadcasts_into_any_out(
    layout: Layout, pair: tuple[tuple[int, ...], tuple[int, ...]], seed: int
) -> None:
    small, other = pair
    a = filled(REFERENCE, layout, small, seed)
    out, intact = guarded(REFERENCE, np.broadcast_shapes(small, other))
    assert REFERENCE.map(operators.neg, a, out=out) is out
    assert np.array_equal(host_array(out), np.broadcast_to(-host_array(a), out.shape))
    assert intact(), "storage outside of out was written to"


def test_map_in_place() -> None:
    for layout in ("contiguous", "permuted", "gapped"):
        a = LAYOUTS[layout](REFERENCE, np.arange(6.0).reshape(2, 3))
        assert REFERENCE.map(operators.neg, a, out=a) is a
        assert host_array(a).tolist() == [[0, -1, -2], [-3, -4, -5]]


# Zip

BINARY: list[tuple[Callable[[float, float], float], Callable[[Array, Array], Array]]] = [
    (operators.add, np.add),
    (operators.mul, np.multiply),
    (operators.max, np.maximum),
    (operators.lt, np.less),
    (operators.eq, np.equal),
    (operators.is_close, lambda x, y: abs(x - y) < 0.01),
    (operators.relu_back, lambda x, d: np.where(x > 0, d, 0)),
    (operators.inv_back, lambda x, d: -d / x**2),
    (operators.div, np.divide),
    (operators.power, np.power),
]


@pytest.mark.parametrize(("fn", "oracle"), BINARY, ids=lambda f: f.__name__)
@given(backend=backends, left=layouts, right=layouts, pair=pairs_to_broadcast(), seed=seeds)
def test_zip(
    fn: Callable[[float, float], float],
    oracle: Callable[[Array, Array], Array],
    backend: Backend,
    left: Layout,
    right: Layout,
    pair: tuple[tuple[int, ...], tuple[int, ...]],
    seed: int,
) -> None:
    a = filled(backend, left, pair[0], seed)
    b = filled(backend, right, pair[1], seed + 1)
    compare(backend, backend.zip(fn, a, b), oracle(host_array(a), host_array(b)))


@given(layouts, layouts, pairs_to_broadcast(), st.integers(0, 2), seeds)
def test_zip_into_any_out(
    left: Layout,
    right: Layout,
    pair: tuple[tuple[int, ...], tuple[int, ...]],
    repeated: int,
    seed: int,
) -> None:
    a = filled(REFERENCE, left, pair[0], seed)
    b = filled(REFERENCE, right, pair[1], seed + 1)
    out, intact = guarded(REFERENCE, (repeated, *np.broadcast_shapes(*pair)))
    assert REFERENCE.zip(operators.mul, a, b, out=out) is out
    expected = np.broadcast_to(host_array(a) * host_array(b), out.shape)
    assert np.array_equal(host_array(out), expected)
    assert intact(), "storage outside of out was written to"


def test_zip_in_place() -> None:
    a = REFERENCE.from_numpy(np.arange(6.0).reshape(2, 3))
    b = REFERENCE.from_numpy(np.array([1.0, 10.0, 100.0]))
    REFERENCE.zip(operators.add, a, b, out=a)
    assert host_array(a).tolist() == [[1, 11, 102], [4, 14, 105]]
    REFERENCE.zip(operators.mul, a, a, out=a)
    assert host_array(a).tolist() == [[1, 121, 10404], [16, 196, 11025]]


# Reduce

FOLDS: list[tuple[Callable[[float, float], float], float, Callable[..., Array]]] = [
    (operators.add, 0.0, np.sum),
    (operators.mul, 1.0, np.prod),
    (operators.max, -math.inf, lambda x, **kw: np.max(x, initial=-np.inf, **kw)),
]


@pytest.mark.parametrize(("fn", "start", "oracle"), FOLDS, ids=["add", "mul", "max"])
@given(backend=backends, layout=layouts, shape=shapes.filter(bool), seed=seeds, draws=st.data())
def test_reduce(
    fn: Callable[[float, float], float],
    start: float,
    oracle: Callable[..., Array],
    backend: Backend,
    layout: Layout,
    shape: tuple[int, ...],
    seed: int,
    draws: st.DataObject,
) -> None:
    dim = draws.draw(st.integers(-len(shape), len(shape) - 1))
    a = filled(backend, layout, shape, seed)
    expected = oracle(host_array(a), axis=dim, keepdims=True)
    compare(backend, backend.reduce(fn, a, dim, start), expected)


def test_reduce_folds_from_start_in_order() -> None:
    def decimal(x: float, y: float) -> float:
        return 10 * x + y

    a = REFERENCE.from_numpy(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert host_array(REFERENCE.reduce(decimal, a, 1, 9.0)).tolist() == [[912.0], [934.0]]
    assert host_array(REFERENCE.reduce(decimal, a, 0, 9.0)).tolist() == [[913.0, 924.0]]


def test_reduce_of_an_empty_dimension_returns_start() -> None:
    none = REFERENCE.zeros((2, 0, 3))
    assert host_array(REFERENCE.reduce(operators.add, none, 1, 7.0)).tolist() == [[[7.0] * 3]] * 2
    assert REFERENCE.reduce(operators.add, none, 0, 7.0).shape == (1, 0, 3)


# Overflow and NaN


def test_arithmetic_at_the_edges_neither_warns_nor_raises() -> None:
    edges = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 5e-324])
    a = REFERENCE.from_numpy(edges)
    with np.errstate(all="ignore"):
        for fn, oracle in UNARY:
            expected = oracle(edges)
            if fn is operators.sigmoid:
                expected = np.array([0.5, 0.5, 1.0, 0.0, math.nan, 1.0, 0.0, 0.5])
            if fn is operators.relu:
                expected = np.maximum(edges, 0)
            np.testing.assert_array_equal(host_array(REFERENCE.map(fn, a)), expected)
        row, column = a.view(1, 8), a.view(8, 1)
        for pair_fn, pair_oracle in BINARY[:6]:
            np.testing.assert_array_equal(
                host_array(REFERENCE.zip(pair_fn, row, column)),
                pair_oracle(edges[None, :], edges[:, None]),
            )
        np.testing.assert_array_equal(
            host_array(REFERENCE.matmul(column, row)), edges[:, None] * edges[None, :]
        )


def test_float32_overflows_to_infinity() -> None:
    a = SINGLE.from_numpy(np.array([89.0, 88.0, -104.0]))
    received = SINGLE.to_numpy(SINGLE.map(operators.exp, a))
    assert received[0] == math.inf
    assert math.isfinite(received[1])
    assert received[2] == 0.0


# Matrix multiplication


@given(
    backends,
    layouts,
    layouts,
    pairs_to_broadcast().filter(lambda pair: max(map(len, pair)) <= 2),
    st.tuples(sizes, sizes, sizes),
    seeds,
)
@example(REFERENCE, LAYOUTS["permuted"], LAYOUTS["gapped"], ((2, 1), (3,)), (2, 3, 1), 0)
@example(REFERENCE, LAYOUTS["contiguous"], LAYOUTS["contiguous"], ((), ()), (2, 0, 3), 0)
def test_matmul(
    backend: Backend,
    left: Layout,
    right: Layout,
    batches: tuple[tuple[int, ...], tuple[int, ...]],
    mkn: tuple[int, int, int],
    seed: int,
) -> None:
    m, k, n = mkn
    a = filled(backend, left, (*batches[0], m, k), seed)
    b = filled(backend, right, (*batches[1], k, n), seed + 1)
    compare(backend, backend.matmul(a, b), np.matmul(host_array(a), host_array(b)))


# Convolution


def correlate(x: Array, w: Array, reverse: bool, size: tuple[int, ...]) -> Array:
    """Return the sum over kernel offsets of shifted copies of the input, by its definition."""
    kernel = w.shape[2:]
    reach = [n + k for n, k in zip(size, kernel, strict=True)]
    # Pad the input with zeros on both sides, wide enough for every shift and every position.
    padded = np.pad(x, [(0, 0), (0, 0)] + [(r, r) for r in reach])
    out = np.zeros((x.shape[0], w.shape[0], *size))
    for offset in np.ndindex(kernel):
        starts = [r + (-o if reverse else o) for r, o in zip(reach, offset, strict=True)]
        window = tuple(slice(b, b + n) for b, n in zip(starts, size, strict=True))
        shifted = padded[(slice(None), slice(None), *window)]
        out += np.einsum("nc...,oc->no...", shifted, w[(slice(None), slice(None), *offset)])
    return out


def test_convolution_computed_by_hand() -> None:
    x, w = np.array([[[1.0, 2.0, 3.0]]]), np.array([[[10.0, 1.0]]])
    assert correlate(x, w, False, (3,)).tolist() == [[[12.0, 23.0, 30.0]]]
    assert correlate(x, w, True, (4,)).tolist() == [[[10.0, 21.0, 32.0, 3.0]]]


@pytest.mark.parametrize("dims", [1, 2, 3])
@given(
    backend=backends,
    left=layouts,
    right=layouts,
    counts=st.tuples(sizes, sizes, sizes),
    reverse=st.booleans(),
    seed=seeds,
    draws=st.data(),
)
def test_convolution(
    dims: int,
    backend: Backend,
    left: Layout,
    right: Layout,
    counts: tuple[int, int, int],
    reverse: bool,
    seed: int,
    draws: st.DataObject,
) -> None:
    batch, channels, out_channels = counts
    several = st.tuples(*[st.integers(0, 4 if dims < 3 else 2)] * dims)
    width, kernel = draws.draw(several), draws.draw(several)
    size = draws.draw(st.none() | several)
    x = filled(backend, left, (batch, channels, *width), seed)
    w = filled(backend, right, (out_channels, channels, *kernel), seed + 1)
    received = backend.convolve(x, w, reverse, size)
    expected = correlate(host_array(x), host_array(w), reverse, width if size is None else size)
    compare(backend, received, expected)


# Long sums in single precision

SINGLE = Reference(np.float32)


@pytest.mark.parametrize("operation", ["reduce", "matmul", "convolve"])
def test_sums_in_single_precision_do_not_stall(operation: str) -> None:
    # From 2**24 on, adding 1 in single precision changes nothing.
    terms = np.ones(101, np.float32)
    terms[0] = 2.0**24
    a, ones = SINGLE.from_numpy(terms), SINGLE.full((101,), 1.0)
    total = {
        "reduce": lambda: SINGLE.reduce(operators.add, a, 0, 0.0),
        "matmul": lambda: SINGLE.matmul(a.view(1, 101), ones.view(101, 1)),
        "convolve": lambda: SINGLE.convolve(a.view(1, 1, 101), ones.view(1, 1, 101), size=(1,)),
    }[operation]()
    assert host_array(total).item() == 2.0**24 + 100
    assert total.storage.dtype == np.float32


def test_a_sum_that_overflows_is_infinite() -> None:
    large = SINGLE.full((4,), 3e38)
    assert host_array(SINGLE.reduce(operators.add, large, 0, 0.0)).item() == np.inf
