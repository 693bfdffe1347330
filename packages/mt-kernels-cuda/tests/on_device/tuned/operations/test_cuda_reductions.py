"""Reductions in one or several passes."""

import math
from typing import Any

import numpy as np
import pytest

from mt_kernels_cuda import SIMULATED, TunedCuda
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_tensor import operators

SINGLE, DOUBLE = TunedCuda(), TunedCuda(np.float64)


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@pytest.mark.parametrize("length", [1, 2, 3, THREADS, 4 * THREADS + 1, 40 * THREADS + 5])
@pytest.mark.parametrize("shape", [(1, -1), (3, -1), (-1, 1), (-1, 3), (2, -1, 2)])
def test_sums_in_several_passes(shape: tuple[int, ...], length: int) -> None:
    whole = tuple(length if size == -1 else size for size in shape)
    numbers, dim = drawn(*whole), shape.index(-1)
    result = DOUBLE.reduce(operators.add, DOUBLE.from_numpy(numbers), dim, 100.0)
    expected = numbers.sum(dim, keepdims=True) + 100.0
    np.testing.assert_allclose(DOUBLE.to_numpy(result), expected, rtol=1e-12)


def test_long_sums_keep_single_precision() -> None:
    """The error of a sum of many floats stays near that of single precision."""
    numbers = np.full(20_000 if not SIMULATED else 500, 0.1, np.float32)
    total = SINGLE.reduce(operators.add, SINGLE.from_numpy(numbers), 0, 0.0)
    expected = math.fsum(numbers)
    assert abs(SINGLE.to_numpy(total)[0] - expected) < 1e-5 * expected
