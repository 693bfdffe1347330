"""Conversion of pictures of digits to the format of MNIST."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from mt_models.datasets import ImageError, load_mnist_split, normalize_digit, read_digit


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


def written(picture: Image.Image, kind: str = "PNG") -> io.BytesIO:
    """The picture as an open file."""
    file = io.BytesIO()
    picture.save(file, kind)
    file.seek(0)
    return file


def read_as(digit: np.ndarray, kind: str, dark: float, bright: float, dtype: type) -> np.ndarray:
    """The digit, written with grey values from `dark` to `bright` and read back."""
    values: np.ndarray = (bright - (bright - dark) * (digit / 255.0)).astype(dtype)
    return read_digit(written(Image.fromarray(values), kind))


@pytest.mark.parametrize(
    ("kind", "dark", "bright", "dtype"),
    [
        ("PNG", 0, 65_535, np.uint16),
        ("PNG", 16_384, 55_000, np.uint16),
        ("PNG", 4095, 0, np.uint16),  # a camera of 12 bits
        ("PNG", 0, 255, np.uint16),
        ("TIFF", 0, 2**31 - 1, np.int32),
        ("TIFF", 0.0, 1.0, np.float32),
        ("TIFF", 0.5, 0.505, np.float32),
        ("TIFF", -3.0, 7.0, np.float32),
        ("TIFF", 1e30, 0.0, np.float32),
    ],
)
def test_the_range_of_grey_values_does_not_matter(
    digits: np.ndarray, kind: str, dark: float, bright: float, dtype: type
) -> None:
    for digit in digits[:5]:
        expected = read_as(digit, "PNG", 0, 255, np.uint8).astype(int)
        found = read_as(digit, kind, dark, bright, dtype)
        # A rounded value may be on the other side of the threshold of the background.
        assert np.abs(found - expected).mean() < 1


@given(
    # The contrast is none, or far from that of a blank image.
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
        elements=st.sampled_from([0, 60, 130, 200, 255]),
    ),
    st.sampled_from([256.0, 1 / 256.0]),
)
def test_sixteen_bits_and_reals_equal_bytes(grey: np.ndarray, factor: float) -> None:
    """A power of two changes no rounding."""
    scaled = (grey * factor).astype(np.uint16 if factor > 1 else np.float64)
    try:
        expected = normalize_digit(grey)
    except ImageError:
        return
    np.testing.assert_array_equal(normalize_digit(scaled), expected)


@pytest.mark.parametrize("deviation", [0.0, 1e-4, 1.0])
def test_noise_without_a_digit_is_blank(deviation: float) -> None:
    noise = np.random.default_rng(0).normal(100.0, deviation, (200, 300))
    with pytest.raises(ImageError, match="blank"):
        normalize_digit(noise.astype(np.float32))


@pytest.mark.parametrize("ink", [0, 128, 230, 255])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_ink_of_any_colour_on_a_transparent_ground(digits: np.ndarray, ink: int, mode: str) -> None:
    differences = []
    for digit in digits[:9]:
        alpha = Image.fromarray(digit).resize((112, 112))
        plane = Image.new("L", alpha.size, ink)
        picture = Image.merge("LA", (plane, alpha)).convert(mode)
        expected = normalize_digit(np.asarray(alpha)).astype(int)
        differences.append(np.abs(read_digit(written(picture)) - expected).mean())
    # Rounding moves a few digits by a pixel.
    assert np.median(differences) < 1
    assert max(differences) < 20


@pytest.mark.parametrize(("ground", "ink"), [(255, 40), (0, 230)])
@pytest.mark.parametrize("degrees", [0, 45])
def test_a_sheet_with_transparent_corners_is_not_ink(ground: int, ink: int, degrees: int) -> None:
    sheet = Image.new("LA", (60, 60), (ground, 255))
    sheet.paste((ink, 255), (27, 10, 33, 50))
    plain = read_digit(written(sheet.convert("L").rotate(degrees, expand=True, fillcolor=ground)))
    sheet.paste((128, 0), (0, 0, 4, 4))
    rotated = sheet.rotate(degrees, expand=True)
    np.testing.assert_array_equal(read_digit(written(rotated)), plain)


@pytest.mark.parametrize("place", [(0, 0), (30, 40)])
def test_a_small_digit_is_the_same_in_any_surroundings(
    digits: np.ndarray, place: tuple[int, int]
) -> None:
    top, left = place
    for digit in digits[:5]:
        small = np.asarray(Image.fromarray(digit).resize((10, 10), Image.Resampling.BOX))
        around = np.pad(small, ((top, 60 - top), (left, 60 - left)))
        np.testing.assert_array_equal(normalize_digit(around), normalize_digit(small))


def test_a_small_digit_is_enlarged_smoothly(digits: np.ndarray) -> None:
    """The reference is the digit itself; pixels without a filter are squares."""
    differences = {"lanczos": 0.0, "squares": 0.0}
    for digit in digits:
        small = Image.fromarray(digit).resize((10, 10), Image.Resampling.BOX)
        squares = small.resize((60, 60), Image.Resampling.NEAREST)
        for name, picture in (("lanczos", small), ("squares", squares)):
            found = normalize_digit(np.asarray(picture)).astype(int)
            differences[name] += float(np.abs(found - digit).mean())
    assert differences["lanczos"] < 0.95 * differences["squares"]


def test_a_picture_of_a_camera_is_reduced() -> None:
    large = Image.new("L", (5000, 4200), 255)
    large.paste(0, (2200, 500, 2700, 3700))
    small = large.resize((500, 420), Image.Resampling.BOX)
    difference = read_digit(written(large)).astype(int) - read_digit(written(small))
    assert np.abs(difference).mean() < 1


def test_a_picture_of_ninety_million_pixels_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(ImageError, match="make it smaller"):
            read_digit(written(Image.new("1", (10_000, 9000))))


@pytest.mark.parametrize("ground", [0, 255])
def test_ink_with_a_fringe_on_a_palette_with_one_transparent_colour(
    digits: np.ndarray, ground: int
) -> None:
    """A palette has no half-transparent pixels, so the edge of ink has the colour of the ground."""
    for digit in digits[:5]:
        ink = np.asarray(Image.fromarray(digit).resize((112, 112)))
        picture = Image.fromarray(ink if ground == 0 else 255 - ink).convert("P")
        file = io.BytesIO()
        picture.save(file, "PNG", transparency=ground)
        file.seek(0)
        assert np.abs(read_digit(file).astype(int) - normalize_digit(ink)).mean() < 1


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_read() -> None:
    """The file claims a size and contains no pixel."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    with pytest.raises(ImageError, match=r"huge.png: the image has more than 89,478,485 pixels"):
        read_digit(io.BytesIO(content), "huge.png")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_must_be_numbers(value: float) -> None:
    grey = np.zeros((9, 9), np.float32)
    grey[4, 2:7] = 1.0
    grey[0, 0] = value
    with pytest.raises(ImageError, match="a pixel is NaN or infinite"):
        read_digit(written(Image.fromarray(grey), "TIFF"), "one.tiff")


@pytest.mark.parametrize("shape", [(0, 5), (9, 9, 3), (9,)])
def test_images_have_two_dimensions(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="height, width"):
        normalize_digit(np.ones(shape, np.uint8))
