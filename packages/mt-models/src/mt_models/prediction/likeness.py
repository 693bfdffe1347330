"""Recognition of pictures that do not look like one digit.

A network that knows ten digits names one of them for every picture. This check compares a picture
with training digits of MNIST and does not depend on the network. `python -m tools.unlike_digits`
measures its errors.
"""

import functools

import numpy as np
import numpy.typing as npt

from mt_models.datasets import load_mnist_split

NEIGHBOURS = 3
"""The number of nearest training digits; a picture is as far as the last of them."""
FARTHEST = 0.109
"""The largest distance of a digit to its training digits: 1 less the correlation of the smoothed
images. 0.5 % of the training digits are farther from the others. A smaller value refuses more
digits, a larger one fewer other pictures."""
INK = 60
"""The grey value from which a pixel is ink, of 255. The parts of a digit are connected there."""
SECOND_PART = 0.4
"""The size of a second part of ink, as a fraction of the largest, from which a picture shows two
shapes. The bar of a 5 that is written separately is smaller."""
FILLED = 0.6
"""The fraction of the box around the ink that is ink, from which a picture shows a dot or an area.
Only a 1, whose box is narrow, has more."""
NARROW = 0.6
"""The ratio of width and height of the box around the ink below which it is narrow."""
WIDE = 1.8
"""The ratio of width and height of the box around the ink from which no digit is as wide."""


def unlike_digit(image: npt.NDArray[np.uint8]) -> str:
    """Return the reason why an image does not look like one digit; empty if it does.

    Args:
        image: The image in the format of MNIST, as `read_digit` returns it, (28, 28).

    >>> import numpy as np
    >>> disc = np.hypot(*np.mgrid[-14:14, -14:14]) < 9
    >>> unlike_digit(255 * disc.astype(np.uint8))
    'it shows a dot or a filled area'
    """
    ink = image > INK
    if not ink.any():
        return "it shows almost nothing"
    parts = _part_sizes(ink)
    if len(parts) > 1 and parts[1] > SECOND_PART * parts[0]:
        return "it shows two or more separate shapes"
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    if image.sum() > FILLED * 255 * height * width and width > NARROW * height:
        return "it shows a dot or a filled area"
    if width > WIDE * height:
        return "it is wider than a digit"
    if distance(image) > FARTHEST:
        return "it is unlike all digits that the check knows"
    return ""


def distance(image: npt.NDArray[np.uint8], without: int | None = None) -> float:
    """Return the distance of an image to its `NEIGHBOURS` nearest training digits.

    Args:
        image: The image, (28, 28).
        without: The index of a training digit that does not count, to measure training digits.
    """
    correlations = _references() @ _comparable(image[None])[0]
    if without is not None:
        correlations[without] = -1.0
    return 1.0 - float(np.partition(correlations, -NEIGHBOURS)[-NEIGHBOURS])


@functools.cache
def _references() -> npt.NDArray[np.float32]:
    """Return the training digits, comparable, (60000, 196)."""
    return _comparable(load_mnist_split("train")[0])


def _comparable(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return smoothed images of half the size with mean 0 and norm 1: a product is a correlation.

    Shape:
        (N, 28, 28) → (N, 196).
    """
    count = len(images)
    half = images.reshape(count, 14, 2, 14, 2).sum((2, 4), dtype=np.float32)
    padded = np.pad(half, ((0, 0), (1, 1), (1, 1)))
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    smooth = (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]).reshape(count, -1)
    smooth -= smooth.mean(1, keepdims=True)
    smooth /= np.linalg.norm(smooth, axis=1, keepdims=True)
    return smooth


def _part_sizes(ink: npt.NDArray[np.bool_]) -> list[int]:
    """Return the numbers of pixels of the connected parts, the largest first."""
    left = set(zip(*(places.tolist() for places in np.nonzero(ink)), strict=True))
    sizes = []
    while left:
        waiting = [left.pop()]
        size = 0
        while waiting:
            row, column = waiting.pop()
            size += 1
            around = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= around
            waiting.extend(around)
        sizes.append(size)
    return sorted(sizes, reverse=True)
