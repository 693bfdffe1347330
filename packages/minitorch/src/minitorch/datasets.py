"""The six sets of points in the plane, drawn from Python's `random`, which notebooks seed.

See `mt_models.datasets.points`, whose functions take a generator.
"""

import random
from collections.abc import Callable

from mt_models.datasets import points
from mt_models.datasets.points import Graph


def simple(N: int) -> Graph:
    """Draw N points from the unit square; class 1 is its left half."""
    return points.simple(N, random)


def diag(N: int) -> Graph:
    """Draw N points from the unit square; class 1 lies below a diagonal."""
    return points.diag(N, random)


def split(N: int) -> Graph:
    """Draw N points from the unit square; class 1 is a band at the left and one at the right."""
    return points.split(N, random)


def xor(N: int) -> Graph:
    """Draw N points from the unit square; class 1 is two opposite quarters of it."""
    return points.xor(N, random)


def circle(N: int) -> Graph:
    """Draw N points from the unit square; class 1 lies outside of a circle."""
    return points.circle(N, random)


def spiral(N: int) -> Graph:
    """Return N points on two spiral arms; they are not random."""
    return points.spiral(N, random)


datasets: dict[str, Callable[[int], Graph]] = {
    "Simple": simple,
    "Diag": diag,
    "Split": split,
    "Xor": xor,
    "Circle": circle,
    "Spiral": spiral,
}
"""The functions, by the names in the course's apps."""

__all__ = ["Graph", "circle", "datasets", "diag", "simple", "spiral", "split", "xor"]
