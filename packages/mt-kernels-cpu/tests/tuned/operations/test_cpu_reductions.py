"""Reductions on the tuned backend, against NumPy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu.tuned import Tuned
from mt_kernels_cpu.tuned.operations.reductions import (
    BLOCK_COLUMNS,
    HAS_VECTOR_SUMS,
    LANES,
    add_blocks_of,
    fold,
)
from mt_tensor import TensorData, operators
from tools.layouts import LAYOUTS


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["single", "double"])
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
    a = LAYOUTS[layout](backend, 1.0 + 0.01 * np.random.default_rng(sum(shape)).normal(size=shape))
    numbers = backend.to_numpy(a).astype(np.float64)
    for dim in range(len(shape)):
        received = backend.to_numpy(backend.reduce(fn, a, dim, start))
        expected = fold.reduce(numbers, dim, keepdims=True, initial=start)
        few = 300 * float(np.finfo(dtype).eps)
        np.testing.assert_allclose(received, expected.astype(dtype), rtol=few, strict=True)


@pytest.mark.parametrize("count", [5, 64, 127, 128, 129, 1000])
@pytest.mark.parametrize("fn", [operators.add, operators.max, operators.mul])
def test_nan_anywhere_in_a_row_is_propagated(fn: Any, count: int) -> None:
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


@pytest.mark.skipif(not HAS_VECTOR_SUMS, reason="a block needs vectors of 64 bytes")
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["single", "double"])
@given(
    before=st.integers(1, 3),
    count=st.integers(2 * LANES, 5 * LANES),
    rows=st.integers(9, 22),
    behind=st.one_of(st.integers(LANES, 3 * LANES), st.just(BLOCK_COLUMNS + 5)),
    seed=st.integers(0, 99),
)
def test_sums_of_blocks_equal_those_of_the_fold(
    dtype: Any, before: int, count: int, rows: int, behind: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    for sizes in ((before, count, 1), (before, rows, behind)):
        # Numbers of many magnitudes: another order of additions gives another sum.
        a = (rng.normal(size=np.prod(sizes)) * 10.0 ** rng.integers(-6, 7)).astype(dtype)
        a[rng.integers(0, len(a), 5)] = rng.choice([-0.0, 1e30, -1e30], 5)
        start = rng.choice([0.0, -0.0, 0.1])
        received = np.empty(before * sizes[2], dtype)
        expected = np.full_like(received, start)
        add_blocks_of(received, a, sizes, start)
        fold(operators.add, np.dtype(dtype))(expected, a, *sizes)
        np.testing.assert_array_equal(received, expected)


def test_sums_of_a_storage_of_another_dtype() -> None:
    numbers = np.arange(3 * 150)
    backend = Tuned(np.float32)
    for storage in (numbers, numbers * 1.0, np.repeat(numbers.astype(np.float32), 2)[::2]):
        for dim in (0, 1):
            a = TensorData(storage, (3, 150) if dim else (150, 3))
            received = backend.to_numpy(backend.reduce(operators.add, a, dim, 0.0))
            expected = numbers.reshape(a.shape).sum(dim, keepdims=True)
            np.testing.assert_array_equal(received, expected)
