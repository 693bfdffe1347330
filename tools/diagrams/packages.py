"""The diagram of the packages and their dependencies.

The arrows are computed from the `pyproject.toml` files; only the positions of the boxes are fixed
here. An arrow is left out if a longer path leads to the same package.
"""

from dataclasses import dataclass

from tools.diagrams.picture import WIDTH, Picture, Tone
from tools.workspace import Package, read_packages

MARGIN, COLUMNS, GAP = 24, 3, 28
BOX_HEIGHT, ROW_HEIGHT = 62, 104
COLUMN = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS


@dataclass(frozen=True)
class Box:
    """The box of a package.

    Attributes:
        row: The row, counted from the top.
        column: The first column.
        span: The number of columns.
        tone: The colour.
        description: The description in the box.
    """

    row: int
    column: int
    span: int
    tone: Tone
    description: str

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
    "mt-app": Box(0, 0, 1, "plain", "the app in the browser"),
    "mt-minitorch": Box(0, 1, 2, "plain", "the course's names: import minitorch"),
    "mt-models": Box(1, 0, 2, "plain", "data sets, LeNet, the sentence CNN, one training loop"),
    "mt-nn": Box(2, 0, 1, "orange", "layers, losses, optimisers"),
    "mt-autodiff": Box(3, 0, 1, "orange", "tensors with gradients"),
    "mt-kernels-cpu": Box(3, 1, 1, "blue", "loops compiled for the CPU"),
    "mt-kernels-cuda": Box(3, 2, 1, "blue", "loops on the GPU"),
    "mt-tensor": Box(4, 0, 3, "plain", "storage, shapes, strides, interface of backends"),
}


def arrows(packages: list[Package]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the arrows of dependencies, and those of extras, without redundant ones."""
    names = {package.name for package in packages}
    needs = {package.name: package.requires & names for package in packages}

    def reach(start: str) -> set[str]:
        return {start}.union(*(reach(name) for name in needs[start]))

    required = [
        (name, needed)
        for name in sorted(needs)
        for needed in sorted(needs[name])
        if not any(needed in reach(other) for other in needs[name] - {needed})
    ]
    with_extras = [
        (package.name, needed)
        for package in packages
        for needed in sorted(names & set().union(*package.extras.values()))
        # The extra `mt-models[app]` installs the app, which requires mt-models, and the extra
        # `mt-models[mpi]` an extra of mt-nn, which mt-models requires.
        if package.name not in reach(needed) and needed not in reach(package.name)
    ]
    return required, with_extras


def packages_picture() -> Picture:
    """Draw the packages as boxes, each one above the packages that it requires."""
    packages = read_packages()
    required, with_extras = arrows(packages)
    sentences = "; ".join(f"{name} requires {needed}" for name, needed in required)
    height = max(box.bottom for box in BOXES.values()) + MARGIN
    picture = Picture(f"The packages and their dependencies: {sentences}.", height)
    for start, end in required:
        _straight(picture, BOXES[start], BOXES[end])
    for start, end in with_extras:
        _around(picture, BOXES[start], BOXES[end])
    for package in packages:
        box = BOXES[package.name]
        middle = (box.left + box.right) / 2
        picture.box(box.left, box.top, box.right - box.left, BOX_HEIGHT, box.tone, corner=9)
        picture.text(middle, box.top + 22, package.name, size=16, code=True, strong=True)
        picture.note(middle, box.top + 43, box.description)
    return picture


def _straight(picture: Picture, start: Box, end: Box) -> None:
    """Draw a vertical arrow in the middle of the columns that both boxes share."""
    x = (max(start.left, end.left) + min(start.right, end.right)) / 2
    picture.arrow((x, start.bottom), (x, end.top - 2))


def _around(picture: Picture, start: Box, end: Box) -> None:
    """Draw an arrow to the right and down, to a box in a column further right."""
    x, y = end.left + COLUMN / 4, (start.top + start.bottom) / 2
    picture.line([(start.right, y), (x, y)], dashed=True)
    picture.arrow((x, y), (x, end.top - 2), dashed=True)


PICTURES = {"package-graph": packages_picture}
