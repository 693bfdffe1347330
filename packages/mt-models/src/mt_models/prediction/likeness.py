"""Recognition of pictures that do not look like one digit.

A network that knows ten digits names one of them for every picture. This check compares a picture
with training digits of MNIST and does not depend on the network. `python -m tools.unlike_digits`
measures its errors.
"""

import functools

import numpy as np
import numpy.typing as npt

from mt_models.datasets import load_mnist_split

CANDIDATES = 150
"""The number of training digits whose edges are compared: those with the nearest images."""
NEIGHBOURS = 3
"""The number of nearest training digits; a picture is as far as the last of them."""
AROUND = 5
"""The number of nearest training digits whose own distances are the density of the digits there."""
DENSITY = 0.4
"""The exponent of the density. With 0, rare shapes of digits are refused more often than others;
with 1, letters that resemble rare shapes are accepted."""
FARTHEST = 0.42
"""The largest distance of a digit. A smaller value refuses more digits, a larger one fewer other
pictures."""
DIRECTIONS = 8
"""The number of directions of edges."""
GRIDS = (4, 7)
"""The numbers of cells per side in which edges are counted."""
INK = 60
"""The grey value from which a pixel is ink, of 255. The parts of a digit are connected there."""
SECOND_PART = 0.4
"""The size of a second part of ink, as a fraction of the largest, from which a picture shows two
shapes. The bar of a 5 that is written separately is smaller."""
THICK = 7
"""The number of times that the outer pixels of the ink can be removed from a dot or an area. After
six, no test digit of MNIST has ink left."""
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
    if _thickness(ink) >= THICK:
        return "it shows a dot or a filled area"
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    if width > WIDE * height:
        return "it is wider than a digit"
    if _distance(image) > FARTHEST:
        return "it is unlike all digits that the check knows"
    return ""


def _distance(image: npt.NDArray[np.uint8]) -> float:
    """Return the distance of an image, (28, 28), to its `NEIGHBOURS` nearest training digits.

    A distance is that of the edges, relative to the distances among the digits there, as in
    M. Breunig, H.-P. Kriegel, R. Ng, J. Sander: LOF: identifying density-based local outliers,
    SIGMOD 2000.
    """
    images, comparable = _references()
    correlations = comparable @ _comparable(image[None])[0]
    chosen = np.argpartition(correlations, -CANDIDATES)[-CANDIDATES:]
    digits = _edges(images[chosen])
    distances = len(GRIDS) - digits @ _edges(image[None])[0]
    nearest = np.argsort(distances)
    among = np.sort(len(GRIDS) - digits[nearest[:AROUND]] @ digits.T, axis=1)
    # Column 0 is the distance of a digit to itself.
    density = among[:, NEIGHBOURS].mean()
    return float(distances[nearest[NEIGHBOURS - 1]] / density**DENSITY)


def _edges(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return histograms of the directions of edges in the cells of each grid.

    The roots of the counts have norm 1 in each grid. Source: N. Dalal, B. Triggs: Histograms of
    oriented gradients for human detection, CVPR 2005.

    Shape:
        (N, 28, 28) → (N, 8 * (4 * 4 + 7 * 7)).
    """
    places = np.arange(28)
    smooth = _gaussians(places, places, 0.7)
    down, right = np.gradient(smooth @ (images / np.float32(255)) @ smooth.T, axis=(1, 2))
    strength = np.hypot(down, right)
    direction = np.arctan2(down, right) * (DIRECTIONS / (2 * np.pi)) % DIRECTIONS
    shares = np.empty((DIRECTIONS, *images.shape), np.float32)
    for i in range(DIRECTIONS):
        apart = np.abs(direction - i)
        # An edge between two directions counts for both.
        shares[i] = strength * np.maximum(0, 1 - np.minimum(apart, DIRECTIONS - apart))
    parts = []
    for cells in GRIDS:
        side = 28 // cells
        pool = _gaussians(np.arange(cells) * side + side // 2, places, side / 2.2)
        counts = (pool @ shares @ pool.T).transpose(1, 0, 2, 3).reshape(len(images), -1)
        roots = np.sqrt(counts)
        parts.append(roots / (np.linalg.norm(roots, axis=1, keepdims=True) + 1e-9))
    return np.concatenate(parts, axis=1)


def _gaussians(
    centres: npt.NDArray[np.int_], places: npt.NDArray[np.int_], width: float
) -> npt.NDArray[np.float32]:
    """Return a row of weights for each centre: a Gaussian of the distance to each place."""
    return np.exp(-0.5 * ((centres[:, None] - places) / width) ** 2).astype(np.float32)


@functools.cache
def _references() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Return the training digits, (60000, 28, 28), and the same comparable, (60000, 196)."""
    images = load_mnist_split("train")[0]
    return images, _comparable(images)


def _comparable(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return smoothed images of half the size with mean 0 and norm 1: a product is a correlation.

    Shape:
        (N, 28, 28) → (N, 196).
    """
    count = len(images)
    half = images.reshape(count, 14, 2, 14, 2).sum((2, 4), dtype=np.float32)
    padded = np.pad(half, ((0, 0), (1, 1), (1, 1)))
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    columns = rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]
    smooth: npt.NDArray[np.float32] = columns.reshape(count, -1)
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


def _thickness(ink: npt.NDArray[np.bool_]) -> int:
    """Return the number of times that the outer pixels can be removed until nothing is left."""
    left, count = np.pad(ink, 1), 0
    while left.any():
        left = (
            left
            & np.roll(left, 1, 0)
            & np.roll(left, -1, 0)
            & np.roll(left, 1, 1)
            & np.roll(left, -1, 1)
        )
        count += 1
    return count
