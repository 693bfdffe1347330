"""A curve with its derivative and a tangent, on axes."""

import math
from collections.abc import Iterator

from mt_app.drawing import INK, Drawing, number
from mt_app.lessons.operators import Array, Curve, Tangent
from mt_app.theme import DERIVATIVE

WIDTH = 480.0
HEIGHT = 320.0
TALLEST = 6.0
"""The largest absolute value in the picture. With a larger value, poles flatten the curve."""


class Axes:
    """The mapping from numbers to pixels."""

    def __init__(self, xs: Array, *series: Array) -> None:
        self.low, self.high = float(xs[0]), float(xs[-1])
        seen = [v for values in series for v in values.tolist() if abs(v) <= TALLEST]
        self.bottom, self.top = min(seen, default=-1.0), max(seen, default=1.0)
        self.bottom, self.top = min(self.bottom, 0.0) - 0.3, max(self.top, 0.0) + 0.3

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a pair of numbers."""
        return (
            (x - self.low) / (self.high - self.low) * WIDTH,
            HEIGHT - (y - self.bottom) / (self.top - self.bottom) * HEIGHT,
        )

    def holds(self, y: float) -> bool:
        """Return whether a value is inside of the picture."""
        return self.bottom <= y <= self.top


def draw_curve(curve: Curve, at: Tangent) -> Drawing:
    """Draw a curve in the text colour, and its derivative and a tangent in violet."""
    axes = Axes(curve.xs, curve.values, curve.slopes)
    drawing = Drawing()
    _draw_axes(drawing, axes)
    for values, colour in ((curve.slopes, DERIVATIVE), (curve.values, INK)):
        for piece in _pieces(curve.xs, values, axes):
            drawing.line(piece, colour=colour, width=2.5)
    if math.isfinite(at.value) and math.isfinite(at.slope) and axes.holds(at.value):
        _draw_tangent(drawing, axes, at)
        if axes.holds(at.slope):
            drawing.dot(*axes.point(at.x, at.slope), DERIVATIVE)
        drawing.dot(*axes.point(at.x, at.value), INK)
    drawing.text(8, HEIGHT + 40, "the formula", strong=True)
    drawing.text(118, HEIGHT + 40, "its derivative", colour=DERIVATIVE, strong=True)
    drawing.text(246, HEIGHT + 40, "the tangent at x", colour=DERIVATIVE)
    return drawing


def _draw_axes(drawing: Drawing, axes: Axes) -> None:
    drawing.tint(0, 0, WIDTH, HEIGHT, INK, 0.03)
    drawing.line([axes.point(axes.low, 0.0), axes.point(axes.high, 0.0)])
    if axes.low < 0 < axes.high:
        drawing.line([axes.point(0.0, axes.bottom), axes.point(0.0, axes.top)])
    for x in _ticks(axes.low, axes.high):
        drawing.text(axes.point(x, 0)[0], HEIGHT + 12, number(x), size=11, anchor="middle")
    for y in _ticks(axes.bottom, axes.top):
        drawing.text(-6, axes.point(0, y)[1], number(y), size=11, anchor="end")


def _ticks(low: float, high: float) -> list[float]:
    """Return four to nine round numbers between two."""
    step = next((s for s in (0.25, 0.5, 1.0, 2.0, 4.0) if (high - low) / s <= 9), 8.0)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _pieces(xs: Array, values: Array, axes: Axes) -> Iterator[list[tuple[float, float]]]:
    """Split a curve where it leaves the picture or jumps; single points are dropped."""
    piece: list[tuple[float, float]] = []
    before = math.nan
    limit = 0.25 * (axes.top - axes.bottom)
    for x, y in zip(xs.tolist(), values.tolist(), strict=True):
        inside = axes.holds(y)
        if piece and (not inside or abs(y - before) > limit):
            if len(piece) > 1:
                yield piece
            piece = []
        if inside:
            piece.append(axes.point(x, y))
        before = y
    if len(piece) > 1:
        yield piece


def _draw_tangent(drawing: Drawing, axes: Axes, at: Tangent) -> None:
    """Draw the tangent over a fifth of the width to either side, clipped at the frame."""
    reach = (axes.high - axes.low) / 5
    # The length in pixels does not depend on the slope.
    reach /= max(1.0, abs(at.slope) * (axes.high - axes.low) / (axes.top - axes.bottom))
    ends = [(x, at.at(x)) for x in (max(at.x - reach, axes.low), min(at.x + reach, axes.high))]
    drawing.line(
        [axes.point(x, min(max(y, axes.bottom), axes.top)) for x, y in ends],
        colour=DERIVATIVE,
        width=1.2,
    )
