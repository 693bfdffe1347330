"""Drawing of diagrams as SVG: cells, numbers, arrows, nodes and curves.

A picture has its own background, so that it is legible on light and dark pages; its colours follow
the reader's colour scheme. Blue marks the subject of the text, orange gradients and errors, green
results.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

Tone = Literal["plain", "blue", "orange", "green", "faint", "ghost"]
Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]

WIDTH = 720.0
"""Width of every picture in pixels."""

CELL = 40.0
"""Default width and height of a cell in pixels."""

CHARACTER = 0.62
"""Upper bound of the width of a character, relative to the font size. With less, a test misses
texts that overlap."""

STYLE = """
svg { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
.card { fill: #fbfcfe; stroke: #d8dee8 }
text { fill: #1b2330 }
.code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace }
.strong { font-weight: 600 }
rect, circle { stroke-width: 1.4 }
.plain { fill: #ffffff; stroke: #9aa5b5 }
.faint { fill: #eef1f5; stroke: #c3cbd6 }
.ghost { fill: none; stroke: #b3bdcc; stroke-dasharray: 4 3 }
.blue { fill: #d9e8fa; stroke: #2f6fba }
.orange { fill: #fde8cd; stroke: #c9761c }
.green { fill: #dcefdc; stroke: #3f8a4a }
.line { fill: none; stroke: #5f6b7d; stroke-width: 1.6; stroke-linecap: round }
.line.faint, .line.ghost { stroke: #c3cbd6 }
.line.blue { stroke: #2f6fba; stroke-width: 2.2 }
.line.orange { stroke: #c9761c; stroke-width: 2.2 }
.line.green { stroke: #3f8a4a; stroke-width: 2.2 }
.head { fill: #5f6b7d }
.head.blue { fill: #2f6fba }
.head.orange { fill: #c9761c }
.head.green { fill: #3f8a4a }
text.faint, text.ghost, text.blue, text.orange, text.green { stroke: none }
text.faint, text.ghost { fill: #5d6a80 }
text.blue { fill: #1f5a9e }
text.orange { fill: #a85c0c }
text.green { fill: #2e6f38 }
@media (prefers-color-scheme: dark) {
  .card { fill: #161b23; stroke: #2b3340 }
  text { fill: #e9eef6 }
  .plain { fill: #1f2632; stroke: #6d7a8e }
  .faint { fill: #1a202a; stroke: #465163 }
  .ghost { fill: none; stroke: #5a667a }
  .blue { fill: #17324f; stroke: #6aa5ea }
  .orange { fill: #43300f; stroke: #e2a04c }
  .green { fill: #1b3a22; stroke: #6cbd78 }
  .line { fill: none; stroke: #95a1b4 }
  .line.faint, .line.ghost { stroke: #465163 }
  .line.blue { stroke: #6aa5ea }
  .line.orange { stroke: #e2a04c }
  .line.green { stroke: #6cbd78 }
  .head { fill: #95a1b4 }
  .head.blue { fill: #6aa5ea }
  .head.orange { fill: #e2a04c }
  .head.green { fill: #6cbd78 }
  text.faint, text.ghost { fill: #9aa7bb }
  text.blue { fill: #8fbdf2 }
  text.orange { fill: #edb56c }
  text.green { fill: #8fd199 }
}
"""


def number(value: float) -> str:
    """Return a number as text for a cell: at most two decimals, no trailing zeros.

    >>> number(2.0), number(-0.125), number(0.5), number(-0.001)
    ('2', '−0.12', '0.5', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", "−")


@dataclass
class Picture:
    """A picture to which elements are added.

    Attributes:
        title: A description of the picture for screen readers.
        height: The height in pixels; the width is `WIDTH`.
        texts: Each text with its left, top, right and bottom edge, for tests of overlaps.
    """

    title: str
    height: float
    texts: list[tuple[str, float, float, float, float]] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)

    def svg(self) -> str:
        """Return the picture as an SVG document."""
        heads = "".join(
            f'<marker id="head-{tone}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9"'
            ' markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path class="head {tone}" d="M0 0.6 10 5 0 9.4z"/></marker>'
            for tone in ("plain", "blue", "orange", "green")
        )
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {self.height:g}"'
            f' width="{WIDTH:g}" height="{self.height:g}" role="img" aria-labelledby="title">',
            f'<title id="title">{escape(self.title)}</title>',
            f"<style>{STYLE}</style>",
            f"<defs>{heads}</defs>",
            f'<rect class="card" x="0.7" y="0.7" width="{WIDTH - 1.4:g}"'
            f' height="{self.height - 1.4:g}" rx="12"/>',
            *self._parts,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        tone: Tone = "plain",
        *,
        corner: float = 5,
    ) -> None:
        """Draw a rectangle; (x, y) is its upper left corner."""
        self._parts.append(
            f'<rect class="{tone}" x="{x:.4g}" y="{y:.4g}" width="{width:.4g}"'
            f' height="{height:.4g}" rx="{corner:g}"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        tone: Tone = "plain",
        *,
        size: float = 14,
        anchor: Anchor = "middle",
        code: bool = False,
        strong: bool = False,
    ) -> None:
        """Write a line of text; y is its vertical middle."""
        classes = " ".join(
            name
            for name, is_set in ((tone, tone != "plain"), ("code", code), ("strong", strong))
            if is_set
        )
        attribute = f' class="{classes}"' if classes else ""
        self._parts.append(
            f'<text{attribute} x="{x:.4g}" y="{y + 0.35 * size:.4g}" font-size="{size:g}"'
            f' text-anchor="{anchor}" xml:space="preserve">{escape(text)}</text>'
        )
        width = CHARACTER * size * len(text) * (1 if code else 0.9)
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        self.texts.append((text, left, y - size / 2, left + width, y + size / 2))

    def heading(self, x: float, y: float, text: str, *, anchor: Anchor = "middle") -> None:
        """Write the heading of a part of the picture."""
        self.text(x, y, text, size=15, strong=True, anchor=anchor)

    def note(
        self, x: float, y: float, text: str, tone: Tone = "faint", *, anchor: Anchor = "middle"
    ) -> None:
        """Write a note in small letters."""
        self.text(x, y, text, tone, size=13, anchor=anchor)

    def cell(
        self,
        x: float,
        y: float,
        text: str = "",
        tone: Tone = "plain",
        *,
        width: float = CELL,
        height: float = CELL,
        size: float = 15,
    ) -> None:
        """Draw a cell with a centred text."""
        self.box(x + 1.5, y + 1.5, width - 3, height - 3, tone)
        if text:
            ink: Tone = "faint" if tone == "ghost" else "plain"
            self.text(x + width / 2, y + height / 2, text, ink, size=size, code=True)

    def row(
        self,
        x: float,
        y: float,
        texts: Iterable[object],
        tone: Tone = "plain",
        *,
        step: float = CELL,
    ) -> None:
        """Draw a row of cells; `number` formats the numbers."""
        for i, value in enumerate(texts):
            self.cell(x + i * step, y, written(value), tone, width=step)

    def grid(
        self,
        x: float,
        y: float,
        rows: Sequence[Sequence[object]],
        tone: Callable[[int, int], Tone] | Tone = "plain",
        *,
        step: float = CELL,
        size: float = 15,
    ) -> None:
        """Draw a grid of cells; `tone` is the tone, or a function of row and column."""
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                chosen = tone(i, j) if callable(tone) else tone
                self.cell(
                    x + j * step,
                    y + i * step,
                    written(value),
                    chosen,
                    width=step,
                    height=step,
                    size=size,
                )

    def frame(self, x: float, y: float, width: float, height: float, tone: Tone = "orange") -> None:
        """Draw a thick frame around cells."""
        self._parts.append(
            f'<rect class="line {tone}" x="{x:.4g}" y="{y:.4g}" width="{width:.4g}"'
            f' height="{height:.4g}" rx="7" style="stroke-width:3"/>'
        )

    def node(
        self, x: float, y: float, text: str, tone: Tone = "plain", *, radius: float = 22
    ) -> None:
        """Draw a circle with a centred text."""
        self._parts.append(f'<circle class="{tone}" cx="{x:.4g}" cy="{y:.4g}" r="{radius:g}"/>')
        self.text(x, y, text, size=15, code=True)

    def dot(self, x: float, y: float, tone: Tone = "blue", *, radius: float = 5) -> None:
        """Draw a point."""
        self._parts.append(f'<circle class="{tone}" cx="{x:.4g}" cy="{y:.4g}" r="{radius:g}"/>')

    def line(self, points: Iterable[Point], tone: Tone = "plain", *, dashed: bool = False) -> None:
        """Draw a polyline through the points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(f'<polyline class="line {tone}" points="{path}"{dashes}/>')

    def arrow(
        self,
        start: Point,
        end: Point,
        tone: Tone = "plain",
        *,
        bend: float = 0,
        dashed: bool = False,
    ) -> None:
        """Draw an arrow; `bend` shifts its middle to the left of its direction, in pixels."""
        (x0, y0), (x1, y1) = start, end
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1.0
        # The distance of a quadratic curve from the straight line is half that of its control
        # point.
        middle_x = (x0 + x1) / 2 + 2 * bend * (y1 - y0) / length
        middle_y = (y0 + y1) / 2 - 2 * bend * (x1 - x0) / length
        path = f"M{x0:.1f} {y0:.1f}Q{middle_x:.1f} {middle_y:.1f} {x1:.1f} {y1:.1f}"
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<path class="line {tone}" d="{path}" marker-end="url(#head-{tone})"{dashes}/>'
        )

    def link(
        self, start: Point, end: Point, tone: Tone = "plain", *, radius: float = 25, bend: float = 0
    ) -> None:
        """Draw an arrow between the circles of two nodes."""
        (x0, y0), (x1, y1) = start, end
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1.0
        dx, dy = (x1 - x0) / length * radius, (y1 - y0) / length * radius
        self.arrow((x0 + dx, y0 + dy), (x1 - dx, y1 - dy), tone, bend=bend)


def written(value: object) -> str:
    """Return a value as text for a cell; `number` formats floats."""
    return number(value) if isinstance(value, float) else str(value)
