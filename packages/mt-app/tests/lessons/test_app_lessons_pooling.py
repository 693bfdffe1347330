"""Pooling: windows, tiles and gradients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_app.lessons.pooling import Kind, pool, views_of_tile
from mt_tensor import ShapeError


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["average", "maximum"]),
    st.integers(0, 99),
)
def test_windows_values_and_gradients(
    kernel: tuple[int, int], rows: int, columns: int, kind: Kind, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = (rows * kernel[0], columns * kernel[1])
    # Few different numbers, so that maxima tie.
    image = rng.integers(-2, 3, size=shape).astype(float)
    lesson = pool(image, kernel, kind)
    np.testing.assert_array_equal(image.ravel()[lesson.positions], lesson.tiles)
    for at in np.ndindex(rows, columns):
        window = [image[index] for index in lesson.window(*at)]
        assert lesson.tiles[at].tolist() == window
        expected = np.mean(window) if kind == "average" else max(window)
        assert lesson.output[at] == pytest.approx(expected)
        shares = [lesson.gradient[index] for index in lesson.window(*at)]
        assert sum(shares) == pytest.approx(1.0)
        if kind == "maximum":
            assert shares.index(1.0) == window.index(max(window))
        else:
            assert shares == pytest.approx([1 / len(window)] * len(window))


def test_views_end_with_the_tiles_shape() -> None:
    lesson = pool(np.arange(24.0).reshape(4, 6), (2, 3), "average")
    names, shapes = zip(*views_of_tile((4, 6), (2, 3)), strict=True)
    assert shapes[-1] == lesson.tiles.shape
    assert len(names) == 4


def test_windows_that_do_not_fill_the_image_are_refused() -> None:
    with pytest.raises(ShapeError):
        pool(np.ones((4, 5)), (2, 2), "average")
