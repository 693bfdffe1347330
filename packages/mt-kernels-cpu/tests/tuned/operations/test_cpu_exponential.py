"""The exponential function as arithmetic, against NumPy in higher precision."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED, strict_nogil_kernel
from mt_kernels_cpu.tuned import Tuned
from mt_kernels_cpu.tuned.operations.exponential_vectors import exp_of_difference
from mt_kernels_cpu.tuned.simd.memory import lanes_of, load, store
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


@strict_nogil_kernel
def exp_of_vectors(out: Any, x: Any) -> None:
    """Write the exponential function, a vector at a time."""
    for i in range(0, len(x), lanes_of(x)):
        store(out, i, exp_of_difference(load(x, i), x.dtype.type(0)))


@pytest.mark.skipif(JIT_IS_DISABLED, reason="kernels run as Python")
@pytest.mark.parametrize(
    ("dtype", "low", "high"), [(np.float32, -110.0, 95.0), (np.float64, -760.0, 720.0)]
)
def test_vectors_have_the_bits_of_single_numbers(dtype: Any, low: float, high: float) -> None:
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-40]
    numbers = np.random.default_rng(0).uniform(low, high, 4088)
    x = np.concatenate([special, numbers]).astype(dtype)
    out, backend = np.empty_like(x), Tuned(dtype)
    exp_of_vectors(out, x)
    expected = backend.to_numpy(backend.map(operators.exp, backend.from_numpy(x)))
    np.testing.assert_array_equal(out, expected)
