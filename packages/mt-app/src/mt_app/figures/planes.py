"""Arrays as planes of cells: the last two dimensions are a grid, the ones before them a list."""

import itertools
import math
from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt

from mt_app.drawing import GHOST, Drawing, Look, number, shaded

Index = tuple[int, ...]

SIZE = 38.0
LABEL = 20.0
GAP = 12.0


def draw_planes(
    array: npt.NDArray[np.float64],
    title: str,
    *,
    look: Callable[[Index], Look | None] = lambda index: None,
    note: Callable[[Index], str] = lambda index: "",
    hidden: Collection[Index] = (),
    outside: Collection[Index] = (),
    matrix: bool = True,
) -> Drawing:
    """Draw an array.

    Args:
        array: The numbers.
        title: What they are.
        look: How an element looks; shaded by its number where it returns None.
        note: What stands small in an element's cell.
        hidden: Elements whose number is not told yet.
        outside: Indices beyond the array's edge that are drawn as zeros.
        matrix: Whether the last two dimensions are a grid; else the last one is a row.
    """
    drawing = Drawing()
    drawing.text(0, 0, title, strong=True)
    lead = array.shape[: -2 if matrix else -1]
    largest = float(np.abs(array).max(initial=0.0))
    y = LABEL
    for prefix in itertools.product(*map(range, lead)):
        if math.prod(lead) > 1:
            drawing.text(0, y, f"[{', '.join(map(str, prefix))}]", size=11, faint=True)
            y += LABEL - 4
        here = [index for index in outside if index[: len(lead)] == prefix]
        before = max((-row for row, _ in (_place(i, matrix) for i in here)), default=0)
        y += max(before, 0) * SIZE
        for index in here:
            _cell(drawing, index, y, "0", GHOST, note(index), matrix)
        for rest in itertools.product(*map(range, array.shape[len(lead) :])):
            index = (*prefix, *rest)
            value = float(array[index])
            shown = index not in hidden
            base = shaded(value, largest) if shown else Look()
            text = number(value) if shown else ""
            _cell(drawing, index, y, text, look(index) or base, note(index), matrix)
        rows = array.shape[-2] if matrix else 1
        after = max((_place(index, matrix)[0] - rows + 1 for index in here), default=0)
        y += (rows + max(after, 0)) * SIZE + GAP
    return drawing


def _place(index: Index, matrix: bool) -> tuple[int, int]:
    return (index[-2], index[-1]) if matrix else (0, index[-1])


def _cell(
    drawing: Drawing, index: Index, top: float, text: str, look: Look, note: str, matrix: bool
) -> None:
    row, column = _place(index, matrix)
    drawing.cell(column * SIZE, top + row * SIZE, text, look, width=SIZE, height=SIZE, note=note)


def draw_storage(
    cells: Sequence[float],
    title: str,
    *,
    look: Callable[[int], Look | None] = lambda position: None,
    note: Callable[[int], str] = lambda position: "",
    columns: int = 12,
) -> Drawing:
    """Draw the one line of cells in which a tensor lies, broken into rows where it is long.

    Args:
        cells: The numbers in memory.
        title: What they are.
        look: How a cell looks; plain where it returns None.
        note: What stands small in a cell; its position unless it returns something.
        columns: Cells in a row of the picture.
    """
    drawing = Drawing()
    drawing.text(0, 0, title, strong=True)
    for position, value in enumerate(cells):
        drawing.cell(
            position % columns * 30.0,
            LABEL - 4 + position // columns * 36.0,
            number(float(value)),
            look(position) or Look(),
            width=30.0,
            height=34.0,
            note=note(position) or str(position),
        )
    return drawing
