"""Conversion of pictures of digits to images in the format of MNIST.

MNIST's digits are bright on dark, scaled to fit 20 by 20 pixels and centred in 28 by 28 by their
centre of mass (Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database of handwritten digits).
"""

from os import PathLike
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

SIDE = 28
BOX = 20
CENTRE = 14.0
"""The position of MNIST's centres of mass in pixels, in both axes; all are from 13.5 to 14.5.

With another value the digits are shifted, and the accuracy falls.
"""
FAINT = 0.2
"""The background threshold: pixels below this fraction of the darkest ink count as background."""


class ImageError(ValueError):
    """A file is not a picture of a digit."""


def read_digit(
    file: str | PathLike[str] | IO[bytes], name: str | None = None
) -> npt.NDArray[np.uint8]:
    """Read an image file of one digit, of any size, dark on bright or bright on dark.

    Args:
        file: Its path, or the open file.
        name: The name of the file in errors, by default its path.

    Shape:
        (28, 28), uint8, 0 is background.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: It is not an image, is too large, or is blank.
    """
    source = str(file) if name is None else name
    try:
        with Image.open(file) as picture:
            # Cameras store the orientation as metadata.
            rgba = ImageOps.exif_transpose(picture).convert("RGBA")
    except FileNotFoundError:
        raise
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise ImageError(
            f"{source}: the file is not a readable image ({error}); use PNG or JPEG"
        ) from error
    # Transparent pixels are background.
    paper = Image.new("RGBA", rgba.size, "white")
    grey = Image.alpha_composite(paper, rgba).convert("L")
    return normalize_digit(np.asarray(grey), source)


def normalize_digit(grey: npt.NDArray[np.uint8], source: str = "image") -> npt.NDArray[np.uint8]:
    """Return a grey image of one digit in the format of MNIST.

    Args:
        grey: The image, dark on bright or bright on dark; the pixels at the edge are background.
        source: The name of the image in errors.

    Shape:
        (H, W) → (28, 28), uint8.

    Raises:
        ImageError: The image is blank.
    """
    values = grey.astype(np.float64)
    edge = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    ink = np.abs(values - np.median(edge))
    strongest = ink.max(initial=0.0)
    # In a blank image scaling would amplify noise.
    if strongest < 16:
        raise ImageError(
            f"{source}: the image is blank; use a digit with more contrast to its background"
        )
    ink = np.where(ink < FAINT * strongest, 0.0, ink) * (255.0 / strongest)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(crop.shape)
    height, width = (max(1, round(n * scale)) for n in crop.shape)
    small = Image.fromarray(crop.astype(np.uint8)).resize(
        (width, height), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    )
    return _centred(np.asarray(small))


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
