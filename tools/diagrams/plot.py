"""Curves in pictures, drawn in a rectangle with own coordinates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tools.diagrams.picture import Picture, Point, Tone

SAMPLES = 96


@dataclass(frozen=True)
class Axes:
    """A rectangle of a picture with a coordinate system.

    Attributes:
        picture: The picture.
        left: The left edge, in pixels.
        top: The upper edge, in pixels.
        width: The width, in pixels.
        height: The height, in pixels.
        across: The smallest and the largest x.
        up: The smallest and the largest y.
    """

    picture: Picture
    left: float
    top: float
    width: float
    height: float
    across: Point
    up: Point

    def at(self, x: float, y: float) -> Point:
        """Return the position of a point in the picture, in pixels."""
        (x0, x1), (y0, y1) = self.across, self.up
        return (
            self.left + (x - x0) / (x1 - x0) * self.width,
            self.top + (y1 - y) / (y1 - y0) * self.height,
        )

    def cross(self) -> None:
        """Draw the axes x = 0 and y = 0, or the edges closest to them."""
        (x0, x1), (y0, y1) = self.across, self.up
        x, y = max(x0, 0.0), max(y0, 0.0)
        self.picture.line([self.at(x0, y), self.at(x1, y)], "faint")
        self.picture.line([self.at(x, y0), self.at(x, y1)], "faint")

    def curve(
        self, formula: Callable[[float], float], tone: Tone, *, breaks: Sequence[float] = ()
    ) -> None:
        """Draw the graph of a function inside of the rectangle, interrupted at `breaks`."""
        (x0, x1), (y0, y1) = self.across, self.up
        edges = [x0, *breaks, x1]
        for start, end in pairwise(edges):
            # Slightly off the edges, where a function may jump.
            inside = [
                start + (end - start) * (i + 0.01) / (SAMPLES + 0.02) for i in range(SAMPLES + 1)
            ]
            values = [(x, formula(x)) for x in inside]
            self.picture.line([self.at(x, y) for x, y in values if y0 <= y <= y1], tone)
