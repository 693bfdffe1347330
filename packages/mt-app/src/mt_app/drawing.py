"""Pictures of cells, grids and arrows as SVG, in the colours of the page around them.

Lines and text use `currentColor` and fills are translucent, so that a picture fits light and dark
mode. A drawing records its bounds: nothing has to be measured in advance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

from mt_app.theme import BLUE, ORANGE

INK = "currentColor"

FAINT = 0.85
"""The opacity of faint text: on the darkest cells, its contrast is at least 4.5."""

CELL = 40.0
"""Width and height of a cell, in pixels."""

MARGIN = 6.0
CHARACTER = 0.6
"""The upper bound of a character's width, as a fraction of the font size.

With a smaller value wide characters are cut off at the edge of a picture.
"""


@dataclass(frozen=True, slots=True)
class CellStyle:
    """The fill and the frame of a cell.

    Attributes:
        fill: The fill colour.
        strength: The opacity of the fill, 0 to 1.
        frame: The colour of a thick frame; None for a thin one.
        ghost: True for a dashed, empty cell: an element that is not in memory.
    """

    fill: str = INK
    strength: float = 0.04
    frame: str | None = None
    ghost: bool = False


PLAIN = CellStyle()
GHOST = CellStyle(strength=0.0, ghost=True)


def shaded(value: float, largest: float, frame: str | None = None) -> CellStyle:
    """Return the style of a number: blue above zero and orange below, with opacity by magnitude.

    Args:
        value: The value.
        largest: The absolute value with the highest opacity.
        frame: The colour of a thick frame, or None.

    >>> shaded(-2.0, 4.0).fill == ORANGE
    True
    """
    share = min(abs(value) / largest, 1.0) if largest > 0 else 0.0
    # In this form NaN has the highest opacity.
    strength = 0.04 + 0.46 * share if share <= 1.0 else 0.5
    return CellStyle(ORANGE if value < 0 else BLUE, strength, frame)


def number(value: float) -> str:
    """Return a number as a short text for a cell.

    >>> number(2.0), number(-0.125), number(1234.5), number(float("nan"))
    ('2', '-0.12', '1.2e3', 'nan')
    """
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:.1e}".replace("e+0", "e").replace("e+", "e")
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@dataclass(slots=True)
class Drawing:
    """An SVG picture, whose bounds contain everything that is drawn."""

    _parts: list[str] = field(default_factory=list)
    _left: float = 0.0
    _top: float = 0.0
    _right: float = 0.0
    _bottom: float = 0.0

    def cell(
        self,
        x: float,
        y: float,
        text: str = "",
        style: CellStyle = PLAIN,
        *,
        width: float = CELL,
        height: float = CELL,
        note: str = "",
    ) -> None:
        """Draw a rectangle with a text in its middle and a small note at the bottom."""
        dashes = ' stroke-dasharray="3 3"' if style.ghost else ""
        line = 2.5 if style.frame else 1.0
        self._parts.append(
            f'<rect x="{x + 1:g}" y="{y + 1:g}" width="{width - 2:g}" height="{height - 2:g}" '
            f'rx="4" fill="{style.fill}" fill-opacity="{style.strength:.3g}" '
            f'stroke="{style.frame or INK}" stroke-opacity="{0.95 if style.frame else 0.25}" '
            f'stroke-width="{line}"{dashes}></rect>'
        )
        self._reach(x, y)
        self._reach(x + width, y + height)
        middle = y + height / 2 - (5 if note else 0)
        size = min(13.0, (width - 6) / (CHARACTER * max(len(text), 1)))
        self.text(x + width / 2, middle, text, size=size, anchor="middle", faint=style.ghost)
        if note:
            small = min(9.0, (width - 4) / (CHARACTER * len(note)))
            foot = y + height - 9
            self.text(x + width / 2, foot, note, size=small, anchor="middle", faint=True)

    def grid(
        self,
        x: float,
        y: float,
        rows: Sequence[Sequence[float]],
        style: Callable[[int, int], CellStyle] | None = None,
        *,
        note: Callable[[int, int], str] | None = None,
        size: float = CELL,
    ) -> None:
        """Draw numbers in rows and columns.

        Args:
            x: The left edge.
            y: The top edge.
            rows: The numbers.
            style: The style of the cell at a row and a column, by default shaded by its number.
            note: A small note in the cell, or an empty text.
            size: Width and height of a cell.
        """
        largest = max((abs(value) for row in rows for value in row), default=0.0)
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                self.cell(
                    x + j * size,
                    y + i * size,
                    number(value),
                    style(i, j) if style else shaded(value, largest),
                    width=size,
                    height=size,
                    note=note(i, j) if note else "",
                )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13.0,
        anchor: str = "start",
        colour: str = INK,
        strong: bool = False,
        faint: bool = False,
    ) -> None:
        """Draw a line of text; y is its vertical middle."""
        if not text:
            return
        weight = ' font-weight="600"' if strong else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y + 0.35 * size:g}" font-size="{size:.3g}" '
            f'text-anchor="{anchor}" fill="{colour}" '
            f'fill-opacity="{FAINT if faint else 1}"{weight}>{escape(text)}</text>'
        )
        width = CHARACTER * size * len(text)
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        self._reach(left, y - size)
        self._reach(left + width, y + size)

    def line(
        self, points: Sequence[tuple[float, float]], *, colour: str = INK, width: float = 1.5
    ) -> None:
        """Draw line segments between points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        strength = 0.35 if colour == INK and width < 2 else 0.9
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" '
            f'stroke-opacity="{strength}" stroke-width="{width:g}" stroke-linecap="round">'
            "</polyline>"
        )
        for x, y in points:
            self._reach(x, y)

    def arrow(
        self, points: Sequence[tuple[float, float]], *, colour: str = INK, width: float = 1.5
    ) -> None:
        """Draw line segments between points, with an arrowhead at the last point."""
        self.line(points, colour=colour, width=width)
        (x0, y0), (x1, y1) = points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1.0
        along, across = (x1 - x0) / length * 8, (y1 - y0) / length * 8
        head = [
            (x1 - along - across / 2, y1 - across + along / 2),
            (x1, y1),
            (x1 - along + across / 2, y1 - across - along / 2),
        ]
        self.line(head, colour=colour, width=width)

    def dot(self, x: float, y: float, colour: str, radius: float = 4.0) -> None:
        """Draw a small disc."""
        self._parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{colour}" '
            f'stroke="{INK}" stroke-opacity="0.6"></circle>'
        )
        self._reach(x - radius, y - radius)
        self._reach(x + radius, y + radius)

    def ring(self, x: float, y: float, radius: float) -> None:
        """Draw an empty circle."""
        self._parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="none" stroke="{INK}" '
            'stroke-width="2"></circle>'
        )
        self._reach(x - radius, y - radius)
        self._reach(x + radius, y + radius)

    def tint(
        self, x: float, y: float, width: float, height: float, colour: str, strength: float
    ) -> None:
        """Fill a rectangle without a frame."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{colour}" '
            f'fill-opacity="{strength:.2g}" shape-rendering="crispEdges"></rect>'
        )
        self._reach(x, y)
        self._reach(x + width, y + height)

    @property
    def width(self) -> float:
        """The current width of the picture, in pixels."""
        return self._right - self._left + 2 * MARGIN

    @property
    def height(self) -> float:
        """The current height of the picture, in pixels."""
        return self._bottom - self._top + 2 * MARGIN

    def svg(self, narrowest: float = 320.0) -> str:
        """Return the picture as an SVG element.

        Its width is that of its container, but at most its own. In containers that are narrower
        than `narrowest` it scrolls horizontally.
        """
        least = min(narrowest, self.width)
        box = f"{self._left - MARGIN:g} {self._top - MARGIN:g} {self.width:g} {self.height:g}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="inherit" '
            f'style="display:block;width:100%;max-width:{self.width:g}px;min-width:{least:g}px">'
            f"{''.join(self._parts)}</svg>"
        )

    def _reach(self, x: float, y: float) -> None:
        self._left, self._right = min(self._left, x), max(self._right, x)
        self._top, self._bottom = min(self._top, y), max(self._bottom, y)
