"""Conversion of pictures of digits to images in the format of MNIST.

MNIST's digits are bright on dark, scaled to fit 20 by 20 pixels and centred in 28 by 28 by their
centre of mass (Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database of handwritten digits).
Pictures of letters or other symbols are converted in the same way.
"""

from contextlib import suppress
from os import PathLike
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

SIDE = 28
BOX = 20
CENTRE = 14.0
"""The position of MNIST's centres of mass in pixels, in both axes; all are from 13.5 to 14.5.

With another value the digits are shifted, and the accuracy falls.
"""
FAINT = 0.2
"""The background threshold: pixels below this fraction of the darkest ink count as background."""
CONTRAST = 16 / 255
"""The smallest contrast of a digit, as a fraction of the range of grey values."""
NOISE = 8.0
"""The smallest contrast of a digit in a picture that uses a small part of its range, in standard
deviations of its edge. The largest of a million normally distributed values is below 6."""
ENLARGED = 3 * BOX
"""The side in pixels to which a digit below `BOX` is enlarged before its ink is cut again."""
FILTER = Image.Resampling.LANCZOS
"""The filter that enlarges; `python -m tools.small_pictures` compares it with others."""
LARGE = 2048
"""A picture is reduced by a whole factor while its longer side stays at least this many pixels.
Without the reduction, each of several arrays of 89 million pixels needs 0.7 GB."""
PIXELS = 89_478_485
"""The largest number of pixels of a file. More are refused before the file is decompressed: a small
file can claim any size."""


class ImageError(ValueError):
    """A file is not a picture of a digit."""


def read_digit(
    file: str | PathLike[str] | IO[bytes], name: str | None = None
) -> npt.NDArray[np.uint8]:
    """Read an image file of one digit, of any size, dark on bright or bright on dark.

    Grey values may have 8, 16 or 32 bits, or be real numbers of any range. Transparent pixels are
    background, also around white ink.

    Args:
        file: Its path, or the open file.
        name: The name of the file in errors, by default its path.

    Shape:
        (28, 28), uint8, 0 is background.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: It is not an image, is too large, is blank, or a pixel is not a number.
    """
    source = str(file) if name is None else name
    too_large = (
        f"{source}: the image has more than {PIXELS:,} pixels, the largest allowed number; make it "
        "smaller"
    )
    try:
        with Image.open(file) as picture:
            if picture.width * picture.height > PIXELS:
                raise ImageError(too_large)
            versions = _grey_values(picture)
    except (FileNotFoundError, ImageError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(too_large) from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{source}: the file is not a readable image; use PNG or JPEG") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(
            f"{source}: the file is not a readable image ({error}); use PNG or JPEG"
        ) from error
    *first, last = versions
    for grey in first:
        with suppress(ImageError):
            return normalize_digit(grey, source)
    return normalize_digit(last, source)


def _grey_values(picture: Image.Image) -> list[npt.NDArray[Any]]:
    """Return the grey values of a picture; of a transparent one on two papers, the likely first."""
    # Cameras store the orientation as metadata.
    upright = ImageOps.exif_transpose(picture)
    factor = max(1, max(upright.size) // LARGE)
    if upright.mode.startswith(("I", "F")):
        # Pillow's conversion to 8 bits would cut these values off at 255.
        values = np.asarray(upright)
        if factor > 1:
            values = np.asarray(Image.fromarray(values.astype(np.float32)).reduce(factor))
        return [values]
    rgba = upright.convert("RGBA").reduce(factor)
    papers = _papers(rgba)
    return [
        np.asarray(Image.alpha_composite(Image.new("RGBA", rgba.size, paper), rgba).convert("L"))
        for paper in papers
    ]


def _papers(rgba: Image.Image) -> tuple[str, ...]:
    """Return the colours of paper on which a picture may be readable, the likely first.

    Beside a sharp edge, the visible pixels have the colour of the ground that was removed: that of
    the sheet, or the fringe of ink. If the edge is soft, all visible pixels are ink.
    """
    alpha = np.asarray(rgba.getchannel("A")) / 255.0
    visible = alpha > 0.0
    if not visible.any() or alpha.min() == 1.0:
        return ("white",)
    around = np.pad(visible, 1, mode="edge")
    inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    edge = visible & ~inner
    grey = np.asarray(rgba.convert("L"))
    if edge.any() and alpha[edge].mean() > 0.5:
        is_white = grey[edge].mean() > 127.0
    else:
        is_white = np.average(grey, weights=alpha) < 128.0
    return ("white", "black") if is_white else ("black", "white")


def normalize_digit(grey: npt.NDArray[Any], source: str = "image") -> npt.NDArray[np.uint8]:
    """Return a grey image of one digit in the format of MNIST.

    Args:
        grey: The image, dark on bright or bright on dark; the pixels at the edge are background.
            Bytes have the range 0 to 255. Other values may have any range.
        source: The name of the image in errors.

    Shape:
        (H, W) → (28, 28), uint8.

    Raises:
        ImageError: The image is blank, has another shape, or a pixel is not a number.
    """
    if grey.ndim != 2 or not grey.size:
        raise ImageError(
            f"{source}: the image has shape {grey.shape}; grey values of shape (height, width) "
            "are allowed"
        )
    values = grey.astype(np.float64)
    if not np.isfinite(values).all():
        raise ImageError(
            f"{source}: a pixel is NaN or infinite; replace it by the value of the background"
        )
    edge = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    raw = np.abs(values - np.median(edge))
    # In a blank image scaling would amplify noise. Files do not state the range of real numbers or
    # of 12 bits in numbers of 16: a small contrast without noise is a digit, too.
    small = raw.max() < CONTRAST * _full_scale(grey)
    if small and (grey.dtype == np.uint8 or raw.max() <= NOISE * edge.std()):
        raise ImageError(
            f"{source}: the image is blank; use a digit with more contrast to its background"
        )
    ink, rows, columns = _cut(raw)
    if max(ink[rows, columns].shape) < BOX:
        # Enlarged before the cut: the edge of the ink lies between the pixels of a small picture.
        ink, rows, columns = _cut(_enlarged(raw, rows, columns))
    crop = ink[rows, columns]
    scale = BOX / max(crop.shape)
    height, width = (max(1, round(n * scale)) for n in crop.shape)
    digit = Image.fromarray(crop.astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    return _centred(np.asarray(digit))


def _full_scale(grey: npt.NDArray[Any]) -> float:
    """Return the range of an image's grey values: the smallest usual one that contains them."""
    if grey.dtype == np.uint8:
        return 255.0
    low, high = float(grey.min()), float(grey.max())
    if grey.dtype == np.bool_ or (grey.dtype.kind == "f" and low >= 0.0 and high <= 1.0):
        return 1.0
    limits = [2.0**bits - 1.0 for bits in (8, 10, 12, 14, 16, 32)]
    return next((limit for limit in limits if low >= 0.0 and high <= limit), high - low)


def _cut(ink: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], slice, slice]:
    """Remove faint ink, scale the rest to 255, and return it with the rows and columns of ink."""
    strongest = ink.max()
    ink = np.where(ink < FAINT * strongest, 0.0, ink) * (255.0 / strongest)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink, slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _enlarged(ink: npt.NDArray[np.float64], rows: slice, columns: slice) -> npt.NDArray[np.float64]:
    """Enlarge a small digit and its surroundings smoothly, the digit to `ENLARGED` pixels."""
    margin = 4  # The filter reaches three pixels.
    crop = np.pad(ink, margin)[
        rows.start : rows.stop + 2 * margin, columns.start : columns.stop + 2 * margin
    ]
    scale = ENLARGED / (max(crop.shape) - 2 * margin)
    height, width = (round(n * scale) for n in crop.shape)
    picture = Image.fromarray(crop.astype(np.float32))
    large = picture.resize((width, height), FILTER)
    # The filter overshoots beside an edge.
    return np.asarray(large, np.float64).clip(0.0, crop.max())


def _centred(digit: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Place a digit of at most 20 by 20 pixels in an empty image, by its centre of mass."""
    result = np.zeros((SIDE, SIDE), np.uint8)
    corner = []
    for axis, size in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis, dtype=np.float64)
        centre = (mass * np.arange(size)).sum() / max(mass.sum(), 1.0)
        corner.append(int(np.clip(round(CENTRE - centre), 0, SIDE - size)))
    top, left = corner
    result[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return result
