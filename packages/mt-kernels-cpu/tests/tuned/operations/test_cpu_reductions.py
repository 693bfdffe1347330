"""Reductions on the tuned backend, against NumPy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu.tuned import Tuned
from mt_tensor import operators
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
