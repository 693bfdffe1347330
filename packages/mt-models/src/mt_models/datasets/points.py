"""Six sets of points in the plane, for the small networks.

Each set has two classes, in order of difficulty: one straight line separates `simple` and `diag`;
`spiral` needs a curve. The definitions are those of the course.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class UniformSource(Protocol):
    """The protocol of sources of numbers that are uniform in [0, 1).

    A NumPy generator, a `random.Random` and the module `random` itself are such sources.
    """

    def random(self) -> float:
        """Draw one number."""


@dataclass(frozen=True, slots=True, repr=False)
class Graph:
    """N points X with their classes y, each 0 or 1."""

    N: int
    X: list[tuple[float, float]]
    y: list[int]

    def __repr__(self) -> str:
        return f"Graph(N={self.N}, {sum(self.y)} of class 1)"


def simple(n: int, rng: UniformSource | int | None = None) -> Graph:
    """Draw points from the unit square; class 1 is its left half.

    Args:
        n: The number of points.
        rng: A source of uniform numbers, or the seed of one, or None for an unseeded one.

    Raises:
        ValueError: `n` is negative.

    >>> simple(50, rng=0)
    Graph(N=50, 22 of class 1)
    """
    return _labelled(n, rng, lambda x1, x2: x1 < 0.5)


def diag(n: int, rng: UniformSource | int | None = None) -> Graph:
    """Draw points from the unit square; class 1 lies below the line x1 + x2 = 0.5.

    Arguments and errors are those of `simple`.
    """
    return _labelled(n, rng, lambda x1, x2: x1 + x2 < 0.5)


def split(n: int, rng: UniformSource | int | None = None) -> Graph:
    """Draw points from the unit square; class 1 is a band at the left and one at the right.

    Arguments and errors are those of `simple`.
    """
    return _labelled(n, rng, lambda x1, x2: x1 < 0.2 or x1 > 0.8)


def xor(n: int, rng: UniformSource | int | None = None) -> Graph:
    """Draw points from the unit square; class 1 is its upper left and lower right quarter.

    Arguments and errors are those of `simple`.
    """
    return _labelled(n, rng, lambda x1, x2: (x1 < 0.5 and x2 > 0.5) or (x1 > 0.5 and x2 < 0.5))


def circle(n: int, rng: UniformSource | int | None = None) -> Graph:
    """Draw points from the unit square; class 1 lies outside a circle around its centre.

    Arguments and errors are those of `simple`.
    """
    return _labelled(n, rng, lambda x1, x2: (x1 - 0.5) ** 2 + (x2 - 0.5) ** 2 > 0.1)


def spiral(n: int, rng: UniformSource | int | None = None) -> Graph:
    """Return points on two spiral arms, first class 0 and then class 1.

    The first arm is t (cos t, sin t) / 20, moved to the centre of the unit square; the second
    is the first, rotated by a quarter turn. Each has n // 2 points; an odd point has class 0. The
    points are not random: the argument `rng` exists so that all six functions have one signature.

    Raises:
        ValueError: `n` is negative.
    """
    second = _count(n) // 2
    first = n - second
    arm = [(0.5 + x1, 0.5 + x2) for x1, x2 in _arm(first)]
    turned = [(0.5 + x2, 0.5 - x1) for x1, x2 in _arm(second)]
    return Graph(n, arm + turned, [0] * first + [1] * second)


DATASETS: dict[str, Callable[[int, UniformSource | int | None], Graph]] = {
    "Simple": simple,
    "Diag": diag,
    "Split": split,
    "Xor": xor,
    "Circle": circle,
    "Spiral": spiral,
}
"""The six sets, by the course's names."""


def _labelled(
    n: int, rng: UniformSource | int | None, rule: Callable[[float, float], bool]
) -> Graph:
    """Draw x1 and x2 of each point in the order of the course, and apply the rule."""
    source = rng if isinstance(rng, UniformSource) else np.random.default_rng(rng)
    points = [(source.random(), source.random()) for _ in range(_count(n))]
    return Graph(n, points, [int(rule(x1, x2)) for x1, x2 in points])


def _count(n: int) -> int:
    if n < 0:
        raise ValueError(f"the number of points must not be negative, got {n}")
    return n


def _arm(n: int) -> list[tuple[float, float]]:
    """Return points at t = 10 (i + 5) / n; i + 5 keeps a distance from the centre."""
    angles = [10.0 * (i + 5) / n for i in range(n)]
    return [(t * math.cos(t) / 20, t * math.sin(t) / 20) for t in angles]
