"""The figure of points in the unit square, on a map of a model's probabilities."""

import itertools
import math

import numpy as np

from mt_app.drawing import INK, Drawing
from mt_app.lessons.points import Array, Line
from mt_app.theme import BLUE, ORANGE
from mt_models.datasets import Graph

SIDE = 360.0
SHADES = 24
"""The number of opacities of the map. Equal neighbours form one rectangle, so a larger value makes
larger pictures."""


def draw_map(points: Graph, grid: Array, probabilities: Array | None = None) -> Drawing:
    """Draw points on a map: blue for class 1, orange for class 0.

    Args:
        points: The points, in the colours of their classes.
        grid: The probability of class 1 on the map, (cells, cells), the lowest row first.
        probabilities: The probability of class 1 of each point, (N,), or None. A ring marks
            misclassified points.
    """
    drawing = Drawing()
    drawing.tint(0, 0, SIDE, SIDE, INK, 0.02)
    _draw_cells(drawing, grid)
    for i, ((x, y), label) in enumerate(zip(points.X, points.y, strict=True)):
        at = (x * SIDE, (1 - y) * SIDE)
        if probabilities is not None and (probabilities[i] > 0.5) != bool(label):
            drawing.ring(*at, radius=8.0)
        drawing.dot(*at, BLUE if label else ORANGE)
    return drawing


def draw_line(drawing: Drawing, line: Line) -> None:
    """Draw the decision boundary of a line inside of the square."""
    ends = []
    for t in (0.0, 1.0):
        if line.w2:
            y = -(line.w1 * t + line.b) / line.w2
            if 0 <= y <= 1:
                ends.append((t * SIDE, (1 - y) * SIDE))
        if line.w1:
            x = -(line.w2 * t + line.b) / line.w1
            if 0 <= x <= 1:
                ends.append((x * SIDE, (1 - t) * SIDE))
    # If the boundary passes through a corner, both ends may be that corner.
    start, end = max(
        itertools.combinations(ends, 2), key=lambda pair: math.dist(*pair), default=((0, 0), (0, 0))
    )
    if start != end:
        drawing.line([start, end], width=3)


def _draw_cells(drawing: Drawing, grid: Array) -> None:
    """Fill the map; each run of equal cells in a row is one rectangle."""
    cells = len(grid)
    size = SIDE / cells
    shades = np.rint((np.nan_to_num(grid, nan=0.5) - 0.5) * 2 * SHADES).astype(int)
    for row, line in enumerate(shades):
        edges = [0, *(np.flatnonzero(np.diff(line)) + 1), cells]
        for start, end in itertools.pairwise(edges):
            shade = int(line[start])
            if shade:
                drawing.tint(
                    start * size,
                    SIDE - (row + 1) * size,
                    (end - start) * size,
                    size,
                    BLUE if shade > 0 else ORANGE,
                    0.5 * abs(shade) / SHADES,
                )
