"""Tiles of numbers."""

import base64
import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from mt_app.tiles import Tile, bars, heat, ink, overlay, tiles

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6)
NUMBERS = st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))


def pixels(address: str) -> np.ndarray:
    head, _, content = address.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


@given(values=arrays(np.float32, SHAPES, elements=NUMBERS))
def test_zero_is_transparent_and_the_strongest_opaque(values: np.ndarray) -> None:
    picture = pixels(heat(values))
    assert picture.shape == (*values.shape, 4)
    strength = np.abs(np.nan_to_num(values))
    assert (picture[..., 3][strength == 0] == 0).all()
    if strength.max() > 0:
        assert (picture[..., 3][strength == strength.max()] == 255).all()
    positive, negative = picture[values > 0][:, 2], picture[values < 0][:, 2]
    assert (positive > 128).all()  # Blue,
    assert (negative < 128).all()  # and orange.


def test_ink_is_kept_as_it_is() -> None:
    image = np.arange(784, dtype=np.uint8).reshape(28, 28)
    np.testing.assert_array_equal(pixels(ink(image)), image)
    np.testing.assert_array_equal(pixels(ink(image[:, ::-1])), image[:, ::-1])


def test_an_empty_overlay_is_the_dimmed_digit() -> None:
    image = np.full((4, 4), 200, np.uint8)
    picture = pixels(overlay(image, np.zeros((4, 4))))
    assert (picture[..., :3] == 90).all()


def test_texts_are_escaped() -> None:
    hostile = '"><script>'
    page = tiles([Tile("data:,", hostile, hostile)]) + bars([(hostile, 0.5)])
    assert "<script>" not in page


@given(shares=st.lists(st.floats(-1, 2), min_size=1, max_size=10))
def test_bars_have_lengths_from_0_to_100_percent(shares: list[float]) -> None:
    page = bars([(str(i), share) for i, share in enumerate(shares)])
    lengths = [float(part.partition("%")[0]) for part in page.split("width: ")[1:]]
    assert len(lengths) == len(shares)
    assert all(0 <= length <= 100 for length in lengths)
    assert page.count("mt-winner") == 1
