"""Conversion of pictures of digits to the format of MNIST."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from mt_models.datasets import load_mnist_split
from mt_models.prediction import ImageError, normalize_digit, read_digit


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_mnist_split("test")[0][:50]


def test_a_digit_of_mnist_hardly_changes(digits: np.ndarray) -> None:
    differences = [np.abs(normalize_digit(digit).astype(int) - digit).mean() for digit in digits]
    # Rounding moves a few digits by a pixel, a mean difference of about 16.
    assert np.mean(differences) < 3
    assert np.median(differences) < 1


def test_both_polarities_give_the_same_digit(digits: np.ndarray) -> None:
    for digit in digits:
        np.testing.assert_array_equal(normalize_digit(digit), normalize_digit(255 - digit))


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))),
)
def test_any_image_gives_a_digit_or_an_image_error(grey: np.ndarray) -> None:
    try:
        digit = normalize_digit(grey)
    except ImageError as error:
        assert "blank" in str(error)
        return
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    assert digit.any()


@pytest.mark.parametrize("size", [(7, 9), (28, 28), (400, 300), (1000, 40)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P"])
def test_any_size_and_mode_of_file(tmp_path: Path, size: tuple[int, int], mode: str) -> None:
    width, height = size
    picture = Image.new("L", size, 255)
    stroke = max(1, min(width // 10, height // 8))
    picture.paste(0, (width // 2, height // 4, width // 2 + stroke, height * 3 // 4))
    path = tmp_path / "one.png"
    picture.convert(mode).save(path)
    digit = read_digit(path)
    rows, columns = np.nonzero(digit > 128)
    assert np.ptp(rows) >= np.ptp(columns)
    assert abs(rows.mean() - 13.5) < 1.5


def test_transparent_pixels_are_background(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (18, 5, 22, 35))
    path = tmp_path / "one.png"
    picture.save(path)
    assert read_digit(path).any()


def test_the_orientation_of_cameras(tmp_path: Path) -> None:
    picture = Image.new("L", (60, 40), 255)
    picture.paste(0, (10, 18, 50, 22))  # a horizontal bar
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: rotated by a quarter turn.
    path = tmp_path / "one.png"
    picture.save(path, exif=exif)
    rows, columns = np.nonzero(read_digit(path) > 128)
    assert np.ptp(rows) > np.ptp(columns)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_digit(tmp_path / "none.png")
    text = tmp_path / "text.png"
    text.write_text("not an image")
    with pytest.raises(ImageError, match="is not a readable image"):
        read_digit(text)
    picture = tmp_path / "cut.png"
    Image.effect_noise((100, 100), 50).save(picture)
    picture.write_bytes(picture.read_bytes()[:200])
    with pytest.raises(ImageError):
        read_digit(picture)
    blank = tmp_path / "blank.png"
    Image.new("L", (50, 50), 255).save(blank)
    with pytest.raises(ImageError, match="blank"):
        read_digit(blank)
