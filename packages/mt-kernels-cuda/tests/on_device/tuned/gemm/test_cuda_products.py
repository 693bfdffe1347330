"""Matrix products of random sizes, layouts and alignments."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_kernels_cuda import SIMULATED, TunedCuda
from mt_kernels_cuda.tuned.gemm.tiles import FLAT, LARGE, MEDIUM, MIN_TERMS_PER_BLOCK
from mt_tensor import TensorData

SINGLE, DOUBLE = TunedCuda(), TunedCuda(np.float64)


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@pytest.mark.parametrize("rows", [1, FLAT.rows + 1, LARGE.rows + 1, 2 * LARGE.rows])
@pytest.mark.parametrize("terms", [1, MEDIUM.terms + 1, 2 * MIN_TERMS_PER_BLOCK + 1])
@pytest.mark.parametrize("transposed", [False, True])
def test_products_with_each_tile_size(rows: int, terms: int, transposed: bool) -> None:
    columns = LARGE.columns + 1
    a, b = drawn(2, rows, terms), drawn(terms, columns)
    if transposed:
        left = DOUBLE.from_numpy(a.transpose(0, 2, 1).copy()).permute(0, 2, 1)
        right = DOUBLE.from_numpy(b.T.copy()).permute(1, 0)
    else:
        left, right = DOUBLE.from_numpy(a), DOUBLE.from_numpy(b)
    result = DOUBLE.to_numpy(DOUBLE.matmul(left, right))
    np.testing.assert_allclose(result, a @ b, rtol=1e-12, atol=1e-13)


matrices = st.sampled_from([1, 3, 4, 8, LARGE.rows + 4, 2 * LARGE.columns + 4, 2 * LARGE.rows + 1])


def matrix(numbers: Any, transposed: bool, start: int) -> TensorData:
    """Return a float32 matrix at `start` of its storage, column-major if `transposed`."""
    whole = numbers.swapaxes(-1, -2) if transposed else numbers
    padded = np.concatenate([np.zeros(start), whole.reshape(-1)])
    data = TensorData(SINGLE.from_numpy(padded).storage[start:], whole.shape)
    return data.permute(*range(data.dims - 2), data.dims - 1, data.dims - 2) if transposed else data


@given(st.data())
@settings(max_examples=40 if SIMULATED else 200)
def test_products_with_and_without_vector_accesses(data: st.DataObject) -> None:
    """Sizes, layouts and alignments that allow vector accesses for either operand, or do not."""
    rows, columns = data.draw(matrices, "rows"), data.draw(matrices, "columns")
    terms = data.draw(st.sampled_from([1, 4, 7, 8, 2 * MIN_TERMS_PER_BLOCK + 4]), "terms")
    batch = data.draw(st.sampled_from([(), (2,)]), "batch")
    a, b = drawn(*batch, rows, terms), drawn(terms, columns)
    left, right = (
        matrix(each, data.draw(st.booleans()), data.draw(st.sampled_from([0, 1, 4])))
        for each in (a, b)
    )
    result = SINGLE.to_numpy(SINGLE.matmul(left, right))
    np.testing.assert_allclose(result, a @ b, rtol=1e-4, atol=1e-4)


def test_batches_that_do_not_merge() -> None:
    for shape, other in [((2, 1, 3, 2, 2), (4, 1, 2, 3)), ((2, 1, 2, 1, 1, 2), (3, 1, 2, 2, 1))]:
        a, b = drawn(*shape), drawn(*other)
        result = DOUBLE.to_numpy(DOUBLE.matmul(DOUBLE.from_numpy(a), DOUBLE.from_numpy(b)))
        np.testing.assert_allclose(result, a @ b, rtol=1e-12, atol=1e-13)
