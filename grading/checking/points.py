"""The sets of points in the plane, drawn and judged by the judge."""

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
"""Which points belong to class 1."""

COUNT = 50
"""How many points a network learns, and is judged by."""


def draw(name: str, seed: int) -> tuple[Array, Array]:
    """Return points of the unit square and their classes.

    Shape:
        (COUNT, 2), (COUNT,).
    """
    points = np.random.default_rng(seed).random((COUNT, 2))
    return points, RULES[name](points[:, 0], points[:, 1]).astype(np.float64)
