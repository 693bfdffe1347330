"""Drawings as strokes: their text in addresses, and their picture.

A text is a list of strokes, separated by dots. A stroke is a list of points, each of which is four
digits to the base 36: two for x, two for y, in pixels from 0 to `SIDE`. A stroke that begins with a
minus erases.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

SIDE = 280
"""Width and height of the drawing area, in pixels."""
BRUSH = 20
"""The diameter of the brush, in pixels."""
LONGEST = 4000
"""The largest length of a text, about a thousand points. Browsers and servers accept addresses of
this length."""

_STROKE = re.compile("-?([0-9a-z]{4})+")


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line between points.

    Attributes:
        points: The points, x and y in pixels.
        erases: True if the stroke removes ink.
    """

    points: tuple[tuple[int, int], ...]
    erases: bool = False


def read_strokes(text: str) -> tuple[Stroke, ...]:
    """Return the strokes of a text.

    Raises:
        ValueError: The text is not a list of strokes, a point is outside of the area, or the text
            is too long.

    >>> read_strokes("0a0b.-1010")
    (Stroke(points=((10, 11),), erases=False), Stroke(points=((36, 36),), erases=True))
    """
    if len(text) > LONGEST:
        raise ValueError(f"the drawing has {len(text)} characters; allowed are {LONGEST}")
    return tuple(_read_stroke(part) for part in text.split(".")) if text else ()


def _read_stroke(text: str) -> Stroke:
    if not _STROKE.fullmatch(text):
        raise ValueError(f"the stroke {text[:20]!r} is not a list of points of four digits")
    erases, digits = text.startswith("-"), text.removeprefix("-")
    numbers = [int(digits[at : at + 2], 36) for at in range(0, len(digits), 2)]
    if max(numbers) > SIDE:
        raise ValueError(f"a point of the drawing is at {max(numbers)}; allowed are 0 to {SIDE}")
    return Stroke(tuple(zip(numbers[::2], numbers[1::2], strict=True)), erases)


def paint(strokes: tuple[Stroke, ...]) -> npt.NDArray[np.uint8] | None:
    """Return the picture of strokes, white on black; None if no ink is left.

    Shape:
        (`SIDE`, `SIDE`), uint8.
    """
    picture = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(picture)
    for stroke in strokes:
        ink = 0 if stroke.erases else 255
        pen.line(stroke.points, fill=ink, width=BRUSH)
        for x, y in stroke.points:
            pen.circle((x, y), BRUSH / 2, fill=ink)
    pixels = np.asarray(picture)
    return pixels if pixels.any() else None
