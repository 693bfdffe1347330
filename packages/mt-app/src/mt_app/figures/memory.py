"""A tensor as its user sees it, and the cells of memory that it sees."""

from collections.abc import Collection

import numpy as np

from mt_app.drawing import Drawing, Look, shaded
from mt_app.figures.planes import Index, draw_planes, draw_storage
from mt_app.lessons.memory import Link
from mt_app.theme import BLUE, ORANGE


def draw_tensor(link: Link, title: str, chosen: Collection[Index] = ()) -> Drawing:
    """Draw the elements, each with the position of its cell; chosen ones are framed."""
    shape = link.data.shape
    array = np.array([link.data.get(index) for index in link.data.indices()]).reshape(shape)
    positions = link.positions
    largest = float(max(link.cells, default=1.0))
    if array.ndim == 0:
        array, positions, chosen = array.reshape(1), {(0,): positions[()]}, [(0,)] * len(chosen)
    matrix = array.ndim > 1

    def look(index: Index) -> Look:
        return shaded(float(array[index]), largest, ORANGE if index in chosen else None)

    return draw_planes(
        array, title, look=look, note=lambda index: f"@{positions[index]}", matrix=matrix
    )


def draw_cells(link: Link, title: str, chosen: Collection[int] = ()) -> Drawing:
    """Draw the whole storage; what the tensor sees is filled, chosen cells are framed."""
    seen = set(link.positions.values())

    def look(position: int) -> Look | None:
        frame = ORANGE if position in chosen else None
        return Look(BLUE, 0.3, frame) if position in seen else Look(strength=0.0, frame=frame)

    return draw_storage(link.cells, title, look=look)
