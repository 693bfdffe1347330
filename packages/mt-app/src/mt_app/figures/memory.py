"""Figures of a tensor and of its storage."""

from collections.abc import Collection

import numpy as np

from mt_app.drawing import INK, CellStyle, Drawing, shaded
from mt_app.figures.planes import Index, draw_planes, draw_storage
from mt_app.lessons.memory import Link


def draw_tensor(link: Link, title: str, chosen: Collection[Index] = ()) -> Drawing:
    """Draw the elements with their positions in storage; chosen elements are framed."""
    shape = link.data.shape
    array = np.array([link.data.get(index) for index in link.data.indices()]).reshape(shape)
    positions = link.positions
    largest = float(max(link.storage, default=1.0))
    if array.ndim == 0:
        array, positions, chosen = array.reshape(1), {(0,): positions[()]}, [(0,)] * len(chosen)
    matrix = array.ndim > 1

    def style(index: Index) -> CellStyle:
        return shaded(float(array[index]), largest, INK if index in chosen else None)

    return draw_planes(
        array, title, style=style, note=lambda index: f"@{positions[index]}", matrix=matrix
    )


def draw_whole_storage(link: Link, title: str, chosen: Collection[int] = ()) -> Drawing:
    """Draw the whole storage; elements of the tensor are filled, chosen positions are framed."""
    seen = set(link.positions.values())

    def style(position: int) -> CellStyle | None:
        frame = INK if position in chosen else None
        return (
            CellStyle(INK, 0.2, frame) if position in seen else CellStyle(strength=0.0, frame=frame)
        )

    return draw_storage(link.storage, title, style=style)
