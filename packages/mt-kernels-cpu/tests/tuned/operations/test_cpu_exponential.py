"""The exponential function as arithmetic, against NumPy in higher precision."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mt_kernels_cpu.tuned import Tuned
from mt_tensor import operators

Array = npt.NDArray[Any]


def distances(received: Array, exact: Array) -> Array:
    """Return the errors of numbers in units of the last place of their dtype."""
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
def test_error_of_exp_is_below_two_units_in_the_last_place(
    dtype: Any, wide: Any, low: float, high: float
) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(low, high, 200_000), rng.normal(0, 1, 50_000)]).astype(dtype)
    backend = Tuned(dtype)
    received = backend.to_numpy(backend.map(operators.exp, backend.from_numpy(x)))
    with np.errstate(over="ignore", under="ignore"):
        exact = np.exp(x.astype(wide))
        assert distances(received, exact).max() < 2.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_of_zero_is_exactly_one(dtype: Any) -> None:
    backend = Tuned(dtype)
    zeros = backend.from_numpy(np.array([0.0, -0.0]))
    assert backend.to_numpy(backend.map(operators.exp, zeros)).tolist() == [1.0, 1.0]
