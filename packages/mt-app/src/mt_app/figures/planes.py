"""Figures of arrays as grids: the last two dimensions are a grid, the others a list of grids."""

import itertools
import math
from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt

from mt_app.drawing import GHOST, CellStyle, Drawing, number, shaded

Index = tuple[int, ...]

SIZE = 38.0
LABEL = 20.0
GAP = 12.0


def draw_planes(
    array: npt.NDArray[np.float64],
    title: str,
    *,
    style: Callable[[Index], CellStyle | None] = lambda index: None,
    note: Callable[[Index], str] = lambda index: "",
    hidden: Collection[Index] = (),
    outside: Collection[Index] = (),
    matrix: bool = True,
) -> Drawing:
    """Draw an array.

    Args:
        array: The numbers.
        title: The title.
        style: The style of an element; None for the default, shaded by its number.
        note: A small note in an element's cell.
        hidden: Elements whose number is hidden.
        outside: Indices outside of the array that are drawn as zeros.
        matrix: True draws the last two dimensions as a grid, False the last one as a row.
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
        before = max((-row for row, _ in (_cell_position(i, matrix) for i in here)), default=0)
        y += max(before, 0) * SIZE
        for index in here:
            _cell(drawing, index, y, "0", GHOST, note(index), matrix)
        for rest in itertools.product(*map(range, array.shape[len(lead) :])):
            index = (*prefix, *rest)
            value = float(array[index])
            shown = index not in hidden
            base = shaded(value, largest) if shown else CellStyle()
            text = number(value) if shown else ""
            _cell(drawing, index, y, text, style(index) or base, note(index), matrix)
        rows = array.shape[-2] if matrix else 1
        after = max((_cell_position(index, matrix)[0] - rows + 1 for index in here), default=0)
        y += (rows + max(after, 0)) * SIZE + GAP
    return drawing


def _cell_position(index: Index, matrix: bool) -> tuple[int, int]:
    return (index[-2], index[-1]) if matrix else (0, index[-1])


def _cell(
    drawing: Drawing, index: Index, top: float, text: str, style: CellStyle, note: str, matrix: bool
) -> None:
    row, column = _cell_position(index, matrix)
    drawing.cell(column * SIZE, top + row * SIZE, text, style, width=SIZE, height=SIZE, note=note)


def draw_storage(
    storage: Sequence[float],
    title: str,
    *,
    style: Callable[[int], CellStyle | None] = lambda position: None,
    note: Callable[[int], str] = lambda position: "",
    columns: int = 12,
) -> Drawing:
    """Draw the one-dimensional storage of a tensor, wrapped into rows.

    Args:
        storage: The numbers in storage.
        title: The title.
        style: The style of a position; None for the default.
        note: A small note in a cell; an empty text for its position.
        columns: The number of cells in a row of the picture.
    """
    drawing = Drawing()
    drawing.text(0, 0, title, strong=True)
    for position, value in enumerate(storage):
        drawing.cell(
            position % columns * 30.0,
            LABEL - 4 + position // columns * 36.0,
            number(float(value)),
            style(position) or CellStyle(),
            width=30.0,
            height=34.0,
            note=note(position) or str(position),
        )
    return drawing
