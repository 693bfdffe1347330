"""Choice of tiles for matrix products, and results with the tiles of a GPU."""

from typing import Any

import numpy as np
import pytest

from mt_kernels_cuda import TunedCuda
from mt_kernels_cuda.tuned.gemm import tiles
from mt_kernels_cuda.tuned.gemm.tiles import FLAT, LARGE, MEDIUM, TALL, choose_tiles
from mt_tensor import REFERENCE, TensorData

SINGLE = TunedCuda()


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def matrix(numbers: Any, transposed: bool, start: int) -> TensorData:
    """Return a float32 matrix at `start` of its storage, column-major if `transposed`."""
    whole = numbers.swapaxes(-1, -2) if transposed else numbers
    padded = np.concatenate([np.zeros(start), whole.reshape(-1)])
    data = TensorData(SINGLE.from_numpy(padded).storage[start:], whole.shape)
    return data.permute(*range(data.dims - 2), data.dims - 1, data.dims - 2) if transposed else data


def test_the_tile_size_depends_on_the_result() -> None:
    many = 100 * LARGE.columns
    assert choose_tiles(many, many, 1, 8, vec4=True) == LARGE
    assert choose_tiles(many, many, 1, 8, vec4=False) == TALL
    # Not if tiles would be half empty or too few for the device, unless a batch has many products.
    assert choose_tiles(MEDIUM.rows, many, 1, 8, vec4=True) == MEDIUM
    assert choose_tiles(2 * LARGE.rows, LARGE.columns, 1, 8, vec4=True) == MEDIUM
    assert choose_tiles(2 * LARGE.rows, LARGE.columns, 16, 8, vec4=True) == LARGE
    assert choose_tiles(FLAT.rows, many, 1, 8, vec4=True) == FLAT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "terms", "columns"), [(132, 12, 136), (133, 9, 131), (65, 8, 64), (7, 17, 132)]
)
def test_results_with_the_tiles_of_a_gpu(
    rows: int, terms: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, each in zip(("LARGE", "TALL", "MEDIUM", "FLAT"), tiles.GPU_TILES, strict=True):
        monkeypatch.setattr(tiles, name, each)
    for batch in ((), (3,)):
        a, b = drawn(*batch, rows, terms), drawn(terms, columns)
        for transposed in (False, True):
            left, right = matrix(a, transposed, 0), matrix(b, transposed, 0)
            result = SINGLE.to_numpy(SINGLE.matmul(left, right))
            np.testing.assert_allclose(result, a @ b, rtol=1e-5, atol=1e-5)
    x, w = drawn(1, 3, 12, columns // 8), drawn(rows, 3, 3, 3)
    found, expected = (
        where.to_numpy(where.convolve(where.from_numpy(x), where.from_numpy(w)))
        for where in (SINGLE, REFERENCE)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
