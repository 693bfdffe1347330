"""GELU and tanh in single precision, compared with the formulas in double precision."""

import math

import numpy as np
import pytest

from mt_kernels_cpu import Tuned
from mt_kernels_cpu.tuned.layers.linear import fits_vectors, gelu_rows, gelu_vectors
from mt_tensor import operators

UNIT = 2.0**-24
POINTS = np.concatenate(
    [np.linspace(-12.0, 12.0, 20_001), *(sign * np.logspace(-30, 0, 500) for sign in (-1, 1))]
).astype(np.float32)


def computed(name: str, points: np.ndarray) -> np.ndarray:
    backend = Tuned(np.float32)
    formula = getattr(operators, name)
    found = backend.to_numpy(backend.map(formula, backend.from_numpy(points)))
    return found.astype(np.float64)


def test_the_error_of_gelu_is_that_of_its_documentation() -> None:
    expected = np.array([operators.gelu(float(x)) for x in POINTS])
    bound = (12.0 + POINTS.astype(np.float64) ** 2) * UNIT * np.abs(expected)
    assert (np.abs(computed("gelu", POINTS) - expected) <= bound + 1e-38).all()


def test_the_error_of_the_slope_of_gelu() -> None:
    backend = Tuned(np.float32)
    x, ones = backend.from_numpy(POINTS), backend.from_numpy(np.ones_like(POINTS))
    found = backend.to_numpy(backend.zip(operators.gelu_back, x, ones))
    expected = np.array([operators.gelu_back(float(point), 1.0) for point in POINTS])
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=16 * UNIT)


def test_the_error_of_tanh_is_that_of_its_documentation() -> None:
    expected = np.tanh(POINTS.astype(np.float64))
    last_place = np.spacing(np.abs(expected).astype(np.float32)).astype(np.float64)
    assert (np.abs(computed("tanh", POINTS) - expected) <= 3.0 * last_place).all()


@pytest.mark.parametrize("name", ["gelu", "tanh"])
def test_special_values(name: str) -> None:
    points = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 1e30, -1e30], np.float32)
    found = computed(name, points)
    # At -∞ GELU is NaN, as in PyTorch: the product of -∞ and 0.
    expected = [-1.0, 1.0] if name == "tanh" else [math.nan, math.inf]
    np.testing.assert_array_equal(found[[3, 2]], expected)
    assert found[:2].tolist() == [0.0, 0.0]
    assert np.signbit(found[1])
    assert math.isnan(found[4])
    np.testing.assert_allclose(found[5:], [1.0, -1.0] if name == "tanh" else [1e30, 0.0], rtol=1e-6)


@pytest.mark.skipif(not fits_vectors(np.dtype(np.float32), 64), reason="kernels run as Python")
def test_vectors_have_the_bits_of_single_numbers() -> None:
    rng = np.random.default_rng(0)
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e30, -1e30, 1e-40]
    points = np.concatenate([special, rng.normal(0, 3, 184)]).astype(np.float32)
    bias = rng.normal(size=64).astype(np.float32)
    found = []
    for kernel in (gelu_rows(points.dtype, "gelu"), gelu_vectors):
        out, sums = np.zeros_like(points), points.copy()
        kernel(out, sums, bias, 64, 1, 3)
        kernel(out, sums, bias[:0], 64, 0, 1)
        found.append((out.tobytes(), sums.tobytes()))
    assert found[0] == found[1]
