"""The exponential function as arithmetic, against NumPy in higher precision."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED, strict_nogil_kernel
from mt_kernels_cpu.tuned import Tuned
from mt_kernels_cpu.tuned.operations.exponential import exp_float32, exp_float64
from mt_kernels_cpu.tuned.operations.exponential_avx512 import HAS_EXP
from mt_kernels_cpu.tuned.operations.exponential_vectors import exp_of_difference
from mt_kernels_cpu.tuned.simd.memory import lanes_of, load, store
from mt_tensor import TensorData, operators
from tools.layouts import LAYOUTS

LARGEST_ERROR = 0.9 if HAS_EXP else 1.0
"""Units in the last place. The formula of fused forms reaches 0.99 for a float32."""

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
def test_error_of_exp_is_below_one_unit_in_the_last_place(
    dtype: Any, wide: Any, low: float, high: float
) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(low, high, 200_000), rng.normal(0, 1, 50_000)]).astype(dtype)
    backend = Tuned(dtype)
    received = backend.to_numpy(backend.map(operators.exp, backend.from_numpy(x)))
    with np.errstate(over="ignore", under="ignore"):
        exact = np.exp(x.astype(wide))
        assert distances(received, exact).max() < LARGEST_ERROR


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_of_zero_is_exactly_one(dtype: Any) -> None:
    backend = Tuned(dtype)
    zeros = backend.from_numpy(np.array([0.0, -0.0]))
    assert backend.to_numpy(backend.map(operators.exp, zeros)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (7, 5), (3, 4, 16), (2, 33)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_exp_does_not_depend_on_the_layout(layout: str, shape: tuple[int, ...], dtype: Any) -> None:
    backend = Tuned(dtype)
    a = LAYOUTS[layout](backend, np.random.default_rng(len(shape)).normal(0, 20, shape))
    # The copy begins three elements later, so its vectors hold other elements.
    numbers = np.concatenate([np.zeros(3), backend.to_numpy(a).reshape(-1)])
    with np.errstate(over="ignore"):
        copied = backend.to_numpy(backend.map(operators.exp, backend.from_numpy(numbers)))[3:]
    received = backend.map(operators.exp, a)
    # Without AVX-512, the compiler chooses which elements of a loop it computes as vectors.
    tolerance = 0.0 if HAS_EXP else 2 * float(np.finfo(dtype).eps)
    found = backend.to_numpy(received).reshape(-1)
    np.testing.assert_allclose(found, copied, rtol=tolerance, strict=True)
    out = backend.zeros(shape[::-1]).permute(*reversed(range(len(shape))))
    backend.map(operators.exp, a, out)
    other = backend.to_numpy(received)
    np.testing.assert_allclose(backend.to_numpy(out), other, rtol=tolerance, strict=True)


def test_exp_of_a_storage_of_another_dtype() -> None:
    numbers = np.random.default_rng(0).normal(size=37)
    backend = Tuned(np.float32)
    for storage in (numbers, np.arange(37), np.repeat(numbers.astype(np.float32), 2)[::2]):
        received = backend.to_numpy(backend.map(operators.exp, TensorData(storage, (37,))))
        expected = np.exp(storage.astype(np.float32).astype(np.float64))
        np.testing.assert_allclose(received, expected.astype(np.float32), rtol=2e-7, strict=True)


@strict_nogil_kernel
def exp_of_vectors(out: Any, x: Any) -> None:
    """Write the exponential function, a vector at a time."""
    for i in range(0, len(x), lanes_of(x)):
        store(out, i, exp_of_difference(load(x, i), x.dtype.type(0)))


@strict_nogil_kernel
def exp_of_singles(out: Any, x: Any) -> None:
    for i in range(len(x)):
        out[i] = exp_float32(x[i])


@strict_nogil_kernel
def exp_of_doubles(out: Any, x: Any) -> None:
    for i in range(len(x)):
        out[i] = exp_float64(x[i])


@pytest.mark.skipif(JIT_IS_DISABLED, reason="kernels run as Python")
@pytest.mark.parametrize(
    ("one_by_one", "dtype", "low", "high"),
    [(exp_of_singles, np.float32, -110.0, 95.0), (exp_of_doubles, np.float64, -760.0, 720.0)],
)
def test_vectors_have_the_bits_of_single_numbers(
    one_by_one: Any, dtype: Any, low: float, high: float
) -> None:
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-40]
    numbers = np.random.default_rng(0).uniform(low, high, 4088)
    x = np.concatenate([special, numbers]).astype(dtype)
    out, expected = np.empty_like(x), np.empty_like(x)
    exp_of_vectors(out, x)
    one_by_one(expected, x)
    np.testing.assert_array_equal(out, expected)
