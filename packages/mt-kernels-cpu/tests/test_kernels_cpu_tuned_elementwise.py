"""The tuned kernels of single elements, rows and folds, against NumPy and the reference."""

import copy
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu.tuned import Tuned
from mt_kernels_cpu.tuned.broadcasting import rows_and_columns
from mt_tensor import Reference, operators
from tools.layouts import LAYOUTS, guarded

Array = npt.NDArray[Any]
DTYPES = [np.float32, np.float64]
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=["single", "double"])

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 3.5, 1e-45, -1e-40, 88.7, 89.0, -104.0]


def drawn(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).normal(size=shape)


# The exponential function


def distances(received: Array, exact: Array) -> Array:
    """Return how far numbers are from exact ones, in units of the last place of their dtype."""
    rounded = exact.astype(received.dtype)
    finite = np.isfinite(rounded)
    assert np.array_equal(received[~finite], rounded[~finite])
    error = np.abs(received[finite].astype(exact.dtype) - exact[finite])
    units: Array = error / np.spacing(rounded[finite]).astype(exact.dtype)
    return units


@pytest.mark.parametrize(
    ("dtype", "wide", "low", "high"),
    [(np.float32, np.float64, -104.0, 90.0), (np.float64, np.longdouble, -746.0, 710.0)],
)
def test_exp_is_right_to_two_units_in_the_last_place(
    dtype: Any, wide: Any, low: float, high: float
) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(low, high, 200_000), rng.normal(0, 1, 50_000)]).astype(dtype)
    backend = Tuned(dtype)
    received = backend.to_numpy(backend.map(operators.exp, backend.from_numpy(x)))
    with np.errstate(over="ignore", under="ignore"):
        exact = np.exp(x.astype(wide))
        assert distances(received, exact).max() < 2.0


@dtypes
@pytest.mark.parametrize("fn", [operators.exp, operators.sigmoid, operators.relu, operators.neg])
def test_special_numbers_of_maps(fn: Any, dtype: Any) -> None:
    numbers = np.array(SPECIAL, dtype)
    received, expected = (
        b.to_numpy(b.map(fn, b.from_numpy(numbers))) for b in (Tuned(dtype), Reference(dtype))
    )
    np.testing.assert_allclose(received, expected, rtol=4 * np.finfo(dtype).eps, strict=True)


@dtypes
def test_exp_of_zero_is_exactly_one(dtype: Any) -> None:
    backend = Tuned(dtype)
    zeros = backend.from_numpy(np.array([0.0, -0.0]))
    assert backend.to_numpy(backend.map(operators.exp, zeros)).tolist() == [1.0, 1.0]


@dtypes
@pytest.mark.parametrize(
    "fn",
    [operators.add, operators.mul, operators.max, operators.relu_back, operators.sigmoid_back],
)
def test_special_numbers_of_zips(fn: Any, dtype: Any) -> None:
    column = np.array(SPECIAL, dtype)[:, None]
    received, expected = (
        b.to_numpy(b.zip(fn, b.from_numpy(column), b.from_numpy(column[:, 0].copy())))
        for b in (Tuned(dtype), Reference(dtype))
    )
    np.testing.assert_allclose(received, expected, rtol=4 * np.finfo(dtype).eps, strict=True)


# Rows and columns


@given(st.data())
def test_any_two_layouts_that_broadcast(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 4), max_size=4)))
    backend, names = Tuned(np.float64), st.sampled_from(sorted(LAYOUTS))
    operands = []
    for _ in range(2):
        own = tuple(size if data.draw(st.booleans()) else 1 for size in shape)
        own = own[data.draw(st.integers(0, len(own))) if set(own[:1]) == {1} else 0 :]
        operands.append(LAYOUTS[data.draw(names)](backend, drawn(*own)))
    arrays = [backend.to_numpy(operand) for operand in operands]
    received = backend.zip(operators.mul, *operands)
    np.testing.assert_array_equal(backend.to_numpy(received), arrays[0] * arrays[1], strict=True)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (5,), ()])
def test_results_go_where_they_are_told_and_nowhere_else(shape: tuple[int, ...]) -> None:
    backend = Tuned(np.float64)
    out, intact = guarded(backend, shape)
    a = backend.from_numpy(drawn(*shape))
    backend.zip(operators.add, a, a, out=out)
    np.testing.assert_array_equal(backend.to_numpy(out), 2 * backend.to_numpy(a))
    backend.map(operators.neg, a, out=out)
    np.testing.assert_array_equal(backend.to_numpy(out), -backend.to_numpy(a))
    assert intact()


def test_dimensions_that_are_left() -> None:
    full = ((2, 3, 4), (12, 4, 1))
    assert rows_and_columns((2, 3, 4), full, full) == (1, 24, 0, 1, 0, 1)
    assert rows_and_columns((2, 3, 4), full, ((4,), (1,))) == (6, 4, 4, 1, 0, 1)
    assert rows_and_columns((2, 3, 4), full, ((2, 1, 1), (1, 1, 1))) == (2, 12, 12, 1, 1, 0)
    assert rows_and_columns((2, 3, 4), full, ((2, 1, 4), (4, 4, 1))) is None
    assert rows_and_columns((1, 1), ((1, 1), (1, 1))) == (1, 1, 0, 0)


# Folds


@dtypes
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(7,), (300,), (3, 130), (130, 3), (2, 65, 4), (2, 0, 3), (0, 3)])
@pytest.mark.parametrize(
    ("fn", "fold", "start"),
    [
        (operators.add, np.add, 0.0),
        (operators.mul, np.multiply, 1.0),
        (operators.max, np.maximum, -np.inf),
    ],
)
def test_folds(
    fn: Any, fold: Any, start: float, shape: tuple[int, ...], layout: str, dtype: Any
) -> None:
    backend = Tuned(dtype)
    a = LAYOUTS[layout](backend, 1.0 + 0.01 * drawn(*shape))
    numbers = backend.to_numpy(a).astype(np.float64)
    for dim in range(len(shape)):
        received = backend.to_numpy(backend.reduce(fn, a, dim, start))
        expected = fold.reduce(numbers, dim, keepdims=True, initial=start)
        few = 300 * float(np.finfo(dtype).eps)
        np.testing.assert_allclose(received, expected.astype(dtype), rtol=few, strict=True)


@pytest.mark.parametrize("count", [5, 64, 127, 128, 129, 1000])
@pytest.mark.parametrize("fn", [operators.add, operators.max, operators.mul])
def test_nan_anywhere_in_a_row_passes_through(fn: Any, count: int) -> None:
    backend = Tuned(np.float64)
    for at in {0, count // 2, count - 1}:
        row = np.ones((2, count))
        row[1, at] = np.nan
        folded = backend.to_numpy(backend.reduce(fn, backend.from_numpy(row), 1, 0.0))
        assert not np.isnan(folded[0, 0])
        assert np.isnan(folded[1, 0])


@given(st.integers(0, 400))
def test_sums_of_whole_numbers_are_exact(count: int) -> None:
    backend = Tuned(np.float32)
    row = np.arange(count, dtype=np.float32)
    total = backend.reduce(operators.add, backend.from_numpy(row), 0, 0.0)
    assert total.get((0,)) == count * (count - 1) / 2


# The backend


def test_copies_and_pickles_compute() -> None:
    backend = Tuned()
    a = backend.from_numpy(np.ones(3, np.float32))
    backend.zip(operators.add, a, a)
    for other in (copy.deepcopy(backend), pickle.loads(pickle.dumps(backend))):
        assert other == backend
        assert other.to_numpy(other.zip(operators.add, a, a)).tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_copy_is_contiguous_and_separate(layout: str) -> None:
    backend = Tuned(np.float64)
    a = LAYOUTS[layout](backend, drawn(2, 3))
    numbers = backend.to_numpy(a).copy()
    copied = backend.copy(a)
    assert copied.is_contiguous()
    copied.storage[:] = 0.0
    np.testing.assert_array_equal(backend.to_numpy(a), numbers)
