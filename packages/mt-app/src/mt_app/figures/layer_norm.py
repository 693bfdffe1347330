"""A figure of LayerNorm: one line for each intermediate result so far."""

import numpy as np

from mt_app.drawing import INK, Drawing, number, shaded
from mt_app.lessons.layer_norm import Normalisation
from mt_app.theme import DERIVATIVE

WIDTH, HEIGHT = 46.0, 38.0
NAMES = 196.0
"""The width of the column of names."""


def draw_stages(lesson: Normalisation, at: int) -> Drawing:
    """Draw the intermediate results up to one of them, which has a frame.

    Args:
        lesson: The normalisation.
        at: The number of the result, from 0.
    """
    drawing = Drawing()
    for i, stage in enumerate(lesson.stages[: at + 1]):
        y = i * (HEIGHT + 4)
        colour = DERIVATIVE if stage.backward else INK
        middle = y + HEIGHT / 2
        drawing.text(NAMES - 10, middle, stage.name, anchor="end", colour=colour, strong=i == at)
        largest = float(np.abs(stage.row).max(initial=0.0))
        for j, value in enumerate(stage.row.tolist()):
            style = shaded(value, largest, INK if i == at else None)
            drawing.cell(NAMES + j * WIDTH, y, number(value), style, width=WIDTH - 2, height=HEIGHT)
    return drawing
