"""Figures of pooling windows, on the image and in memory."""

import numpy as np

from mt_app.drawing import INK, CellStyle, Drawing, shaded
from mt_app.figures.planes import Index, draw_planes
from mt_app.lessons.pooling import Pooling


def draw_windows(lesson: Pooling, at: int) -> tuple[Drawing, Drawing, Drawing, Drawing]:
    """Draw a step: the image, the tiles, the output so far, and the gradient.

    Args:
        lesson: The pooling.
        at: The number of the window, in row-major order.
    """
    rows, columns = lesson.output.shape
    row, column = divmod(at, columns)
    window = set(lesson.window(row, column))
    largest = float(np.abs(lesson.image).max())

    def on_image(index: Index) -> CellStyle | None:
        return shaded(float(lesson.image[index]), largest, INK) if index in window else None

    def on_gradient(index: Index) -> CellStyle:
        return shaded(float(lesson.gradient[index]), 1.0, INK if index in window else None)

    def on_output(index: Index) -> CellStyle | None:
        return shaded(float(lesson.output[index]), largest, INK) if index == (row, column) else None

    tiles = lesson.tiles.reshape(rows * columns, -1)
    positions = lesson.positions.reshape(rows * columns, -1)
    return (
        draw_planes(lesson.image, "image", style=on_image),
        draw_planes(
            tiles,
            "tiles: one row for each window",
            style=lambda index: shaded(
                float(tiles[index]), largest, INK if index[0] == at else None
            ),
            note=lambda index: str(positions[index]),
        ),
        draw_planes(
            lesson.output,
            "output",
            style=on_output,
            hidden=[index for i, index in enumerate(np.ndindex(rows, columns)) if i > at],
        ),
        draw_planes(lesson.gradient, "gradient of the sum of the output", style=on_gradient),
    )
