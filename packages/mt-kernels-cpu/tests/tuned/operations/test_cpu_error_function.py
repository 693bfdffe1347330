"""GELU and tanh in single precision, compared with the formulas in double precision."""

import math

import numpy as np
import pytest

from mt_kernels_cpu import Tuned
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
