"""Draw the packages and who needs whom: `docs/images/package-graph.svg`.

The arrows come from the `pyproject.toml` files, so the picture cannot disagree with them; only the
place of each box is chosen here. An arrow is left out where a longer way leads to the same package.
"""

from dataclasses import dataclass

from tools.workspace import ROOT, Package, read_packages

PICTURE = ROOT / "docs" / "images" / "package-graph.svg"

WIDTH, MARGIN, COLUMNS, GAP = 880, 24, 3, 28
BOX_HEIGHT, ROW_HEIGHT = 66, 112
COLUMN = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
CORNER = 10

STYLE = """
  svg { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif }
  .box { fill: #ffffff; stroke: #8a94a6; stroke-width: 1.2 }
  .gradients .box { fill: #fff4e5; stroke: #c9822b }
  .kernels .box { fill: #e8f2ff; stroke: #3b78c3 }
  .name { font: 600 17px ui-monospace, "SF Mono", Menlo, Consolas, monospace; fill: #1b2330 }
  .what { font-size: 13.5px; fill: #4a5567 }
  .arrow { fill: none; stroke: #6b778c; stroke-width: 1.6 }
  .head { fill: #6b778c }
  .extra { stroke-dasharray: 5 4 }
  @media (prefers-color-scheme: dark) {
    .box { fill: #1c222c; stroke: #6f7b8f }
    .gradients .box { fill: #33261a; stroke: #d99a4e }
    .kernels .box { fill: #172638; stroke: #5f9be6 }
    .name { fill: #eef2f8 }
    .what { fill: #b3bdcc }
    .arrow { stroke: #8f9bb0 }
    .head { fill: #8f9bb0 }
  }
"""


@dataclass(frozen=True)
class Box:
    """Where a package stands: its row from the top, its first column, how many it spans."""

    row: int
    column: int
    span: int
    kind: str
    what: str

    @property
    def left(self) -> float:
        """The x of the left edge."""
        return MARGIN + self.column * (COLUMN + GAP)

    @property
    def right(self) -> float:
        """The x of the right edge."""
        return self.left + self.span * COLUMN + (self.span - 1) * GAP

    @property
    def top(self) -> float:
        """The y of the upper edge."""
        return MARGIN + self.row * ROW_HEIGHT

    @property
    def bottom(self) -> float:
        """The y of the lower edge."""
        return self.top + BOX_HEIGHT


BOXES = {
    "minitorch": Box(0, 0, 3, "", "the course's flat names"),
    "mt-models": Box(1, 0, 2, "", "data sets, LeNet, the sentence CNN, one training loop"),
    "mt-nn": Box(2, 0, 1, "gradients", "layers, losses, optimisers"),
    "mt-autodiff": Box(3, 0, 1, "gradients", "numbers that remember"),
    "mt-kernels-cpu": Box(3, 1, 1, "kernels", "loops compiled for the CPU"),
    "mt-kernels-cuda": Box(3, 2, 1, "kernels", "loops on the GPU"),
    "mt-tensor": Box(4, 0, 3, "", "storage, shapes, strides, and what a backend is"),
}


def arrows(packages: list[Package]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The arrows to draw: those of what is always needed, and those of extras."""
    names = {package.name for package in packages}
    needs = {package.name: package.requires & names for package in packages}

    def reach(start: str) -> set[str]:
        return {start}.union(*(reach(name) for name in needs[start]))

    always = [
        (name, needed)
        for name in sorted(needs)
        for needed in sorted(needs[name])
        if not any(needed in reach(other) for other in needs[name] - {needed})
    ]
    with_extras = [
        (package.name, needed)
        for package in packages
        for names_of_extra in package.extras.values()
        for needed in sorted(names_of_extra & names)
    ]
    return always, with_extras


def draw(packages: list[Package]) -> str:
    """The picture as SVG, readable on a light and on a dark page."""
    always, with_extras = arrows(packages)
    height = max(box.bottom for box in BOXES.values()) + MARGIN
    told = ". ".join(f"{name} needs {needed}" for name, needed in always)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}"'
        ' role="img" aria-labelledby="title told">',
        '<title id="title">The packages and who needs whom</title>',
        f'<desc id="told">{told}.</desc>',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
        ' markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0.6 10 5 0 9.4z"/></marker></defs>',
        *(_straight(BOXES[start], BOXES[end]) for start, end in always),
        *(_around(BOXES[start], BOXES[end]) for start, end in with_extras),
        *(_box(package.name, BOXES[package.name]) for package in packages),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _straight(start: Box, end: Box) -> str:
    """An arrow straight down, in the middle of what the two boxes have above one another."""
    x = (max(start.left, end.left) + min(start.right, end.right)) / 2
    return _arrow(f"M{x:g} {start.bottom:g}V{end.top - 2:g}")


def _around(start: Box, end: Box) -> str:
    """An arrow out of the right side and down, for a box that stands further right."""
    x, y = end.left + COLUMN / 4, (start.top + start.bottom) / 2
    corner = f"H{x - CORNER:g}q{CORNER} 0 {CORNER} {CORNER}"
    return _arrow(f"M{start.right:g} {y:g}{corner}V{end.top - 2:g}", "arrow extra")


def _arrow(path: str, kind: str = "arrow") -> str:
    return f'<path class="{kind}" marker-end="url(#head)" d="{path}"/>'


def _box(name: str, box: Box) -> str:
    middle, width = (box.left + box.right) / 2, box.right - box.left
    return (
        f'<g class="{box.kind}" text-anchor="middle">'
        f'<rect class="box" x="{box.left:g}" y="{box.top:g}" width="{width:g}"'
        f' height="{BOX_HEIGHT}" rx="9"/>'
        f'<text class="name" x="{middle:g}" y="{box.top + 28:g}">{name}</text>'
        f'<text class="what" x="{middle:g}" y="{box.top + 50:g}">{box.what}</text></g>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(read_packages()), "utf-8")
