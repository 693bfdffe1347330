"""Matrix products on the tuned backend, in every layout and with numbers of every size."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu import Tuned
from mt_tensor import Reference, TensorData, operators
from tools.layouts import operand

TUNED = Tuned()


def matrix(*shape: int, transposed: bool = False) -> TensorData:
    numbers = np.random.default_rng(0).normal(size=shape[::-1] if transposed else shape)
    data = TUNED.from_numpy(numbers.astype(np.float32))
    return data.permute(*reversed(range(len(shape)))) if transposed else data


def product(a: TensorData, b: TensorData) -> npt.NDArray[np.float32]:
    return TUNED.to_numpy(TUNED.matmul(a, b))


@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("sizes", [(2, 3, 4), (1, 5, 1), (5, 1, 5), (64, 64, 64), (3, 0, 2)])
def test_products_equal_those_of_numpy(
    sizes: tuple[int, int, int], transposed: tuple[bool, bool]
) -> None:
    rows, inner, columns = sizes
    a = matrix(rows, inner, transposed=transposed[0])
    b = matrix(inner, columns, transposed=transposed[1])
    expected = TUNED.to_numpy(a).astype(np.float64) @ TUNED.to_numpy(b)
    np.testing.assert_allclose(product(a, b), expected, atol=1e-6 * max(inner, 10))


@pytest.mark.parametrize("size", [2, 64])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_overflow_and_invalid_products_do_not_warn(size: int, shape: tuple[int, ...]) -> None:
    large, zero = TUNED.full((*shape, size, size), 1e30), TUNED.zeros((*shape, size, size))
    assert np.isinf(product(large, large)).all()
    infinite = TUNED.map(operators.exp, large)
    assert np.isnan(product(infinite, zero)).all()


def test_weights_whose_squares_overflow_do_not_warn() -> None:
    images, weights = TUNED.full((1, 1, 16, 16), 1e-30), TUNED.full((1, 1, 3, 3), 1e30)
    out = TUNED.to_numpy(TUNED.convolve(images, weights))
    np.testing.assert_allclose(out[0, 0, :14, :14], 9.0, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(
    st.lists(st.integers(0, 3), max_size=2),
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
    st.data(),
)
def test_matmul(
    dtype: Any, batch: list[int], sizes: tuple[int, int, int], data: st.DataObject
) -> None:
    rows, inner, columns = sizes
    kept = data.draw(st.integers(0, len(batch)))
    some = [n if data.draw(st.booleans()) else 1 for n in batch[kept:]]
    left, right = data.draw(st.permutations([batch, some]))
    a = operand(data, dtype, *left, rows, inner)
    b = operand(data, dtype, *right, inner, columns)
    received, expected = (
        each.to_numpy(each.matmul(a, b)) for each in (Tuned(dtype), Reference(dtype))
    )
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance, strict=True)
