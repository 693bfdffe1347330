"""Data sets of points in the plane; the judge draws the points and knows their classes."""

from collections.abc import Callable

import numpy as np

from grading.protocol.messages import Array

RULES: dict[str, Callable[[Array, Array], Array]] = {
    "Simple": lambda x, y: x < 0.5,
    "Diag": lambda x, y: x + y < 0.5,
    "Split": lambda x, y: (x < 0.2) | (x > 0.8),
    "Xor": lambda x, y: ((x < 0.5) & (y > 0.5)) | ((x > 0.5) & (y < 0.5)),
    "Circle": lambda x, y: (x - 0.5) ** 2 + (y - 0.5) ** 2 > 0.1,
}
"""For each data set, the test for points of class 1; its arguments are two arrays (COUNT,)."""

COUNT = 50
"""Number of points in a data set."""


def draw(name: str, seed: int) -> tuple[Array, Array]:
    """Return points of the unit square, and their classes as 0.0 or 1.0.

    Shape:
        (COUNT, 2), (COUNT,).
    """
    points = np.random.default_rng(seed).random((COUNT, 2))
    return points, RULES[name](points[:, 0], points[:, 1]).astype(np.float64)
