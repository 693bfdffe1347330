"""Products of small matrices, compared with products in double precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_kernels_cpu import Tuned
from mt_kernels_cpu.tuned.operations import small_products
from mt_kernels_cpu.tuned.operations.small_products import COLUMNS, multiply_small
from mt_kernels_cpu.tuned.simd.vector import WIDTH, lanes

pytestmark = pytest.mark.skipif(WIDTH < 64, reason="the kernel needs AVX-512")


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 40),
    depth=st.integers(1, 300),
    panels=st.integers(1, 2),
    transposed=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 99),
)
def test_products_of_any_shape(
    rows: int, depth: int, panels: int, transposed: tuple[bool, bool], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    for dtype in (np.float32, np.float64):
        columns = panels * COLUMNS * lanes(dtype)
        shapes = (rows, depth), (depth, columns)
        a, b = (
            rng.normal(size=shape[::-1]).astype(dtype).T
            if turned
            else rng.normal(size=shape).astype(dtype)
            for shape, turned in zip(shapes, transposed, strict=True)
        )
        out = np.full((rows, columns), np.nan, dtype)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(small_products, "LEAST_WORK", 0)
            assert multiply_small(a, b, out)
        expected = a.astype(np.float64) @ b.astype(np.float64)
        scale = np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64))
        assert (np.abs(out - expected) <= 20 * np.finfo(dtype).eps * scale).all()


def test_products_that_blas_computes() -> None:
    def is_small(m: int, k: int, n: int, step: int = 1) -> bool:
        a, b = np.ones((m, k * step), np.float32)[:, ::step], np.ones((k, n), np.float32)
        return multiply_small(a, b, np.empty((m, n), np.float32))

    width = COLUMNS * lanes(np.float32)
    assert is_small(128, 128, 2 * width)
    assert not is_small(64, 64, width)  # too little work
    assert not is_small(128, 128, 2 * width + 1)  # columns that do not fill panels
    assert not is_small(8192, 128, width)  # too large for the second cache
    assert not is_small(128, 128, 2 * width, step=2)  # gaps between elements


def test_numbers_that_are_not_finite() -> None:
    backend = Tuned(np.float32)
    a, b = np.ones((130, 128), np.float32), np.ones((128, 128), np.float32)
    a[3, 5], a[7, 0] = np.nan, np.inf
    found = backend.to_numpy(backend.matmul(backend.from_numpy(a), backend.from_numpy(b)))
    assert np.isnan(found[3]).all()
    assert np.isposinf(found[7]).all()
    assert (np.delete(found, [3, 7], 0) == 128.0).all()
