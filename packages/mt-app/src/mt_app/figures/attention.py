"""Figures of attention: queries, keys and values, scores, weights, and the mixed values."""

import numpy as np

from mt_app.drawing import GHOST, INK, CellStyle, Drawing, number, shaded
from mt_app.figures.planes import SIZE
from mt_app.lessons.names import Array, Head
from mt_app.theme import BLUE

LABEL = 24.0
"""The distance of a title from its matrix."""
LEFT = 20.0
"""The width of the column of characters."""


def draw_attention(head: Head, letters: str, at: int) -> tuple[Drawing, Drawing, Drawing]:
    """Draw the attention of one head for one position.

    Args:
        head: The head.
        letters: The character of each position.
        at: The position that attends.

    Returns:
        The scores of the position with all keys, the weights of all positions up to it, and the
        sum of the weighted values.
    """
    return _scores(head, letters, at), _weights(head, letters, at), _output(head, letters, at)


def _matrix(
    drawing: Drawing, y: float, title: str, rows: Array, letters: str, marked: int | None = None
) -> None:
    """Draw a matrix with a title above it and a character before each row."""
    drawing.text(LEFT, y, title, strong=True)
    largest = float(np.abs(rows).max(initial=0.0))
    for i, row in enumerate(rows.tolist()):
        below = y + LABEL + i * SIZE
        drawing.text(LEFT - 16, below + SIZE / 2, letters[i])
        for j, value in enumerate(row):
            style = shaded(value, largest, INK if i == marked else None)
            drawing.cell(LEFT + j * SIZE, below, number(value), style, width=SIZE, height=SIZE)


def _scores(head: Head, letters: str, at: int) -> Drawing:
    """Draw the query above the keys, so that its columns are those of the keys."""
    drawing = Drawing()
    _matrix(drawing, 0, "query", head.query[at : at + 1], letters[at], 0)
    top = LABEL + SIZE + 20
    _matrix(drawing, top, "keys", head.key, letters)
    x = LEFT + head.key.shape[1] * SIZE + 20
    drawing.text(x, top, "score", strong=True)
    largest = float(np.abs(head.scores).max(initial=0.0))
    for i, value in enumerate(head.scores[at].tolist()):
        y = top + LABEL + i * SIZE
        if i > at:
            drawing.cell(x, y, "hidden", GHOST, width=1.5 * SIZE, height=SIZE)
        else:
            drawing.cell(x, y, number(value), shaded(value, largest), width=1.5 * SIZE, height=SIZE)
    return drawing


def _weights(head: Head, letters: str, at: int) -> Drawing:
    drawing = Drawing()
    drawing.text(0, 0, "weights: row attends, column is read", strong=True)
    for i in range(len(letters)):
        drawing.text(24 + i * SIZE + SIZE / 2, LABEL, letters[i], anchor="middle")
        drawing.text(8, LABEL + 16 + i * SIZE + SIZE / 2, letters[i], anchor="middle")
        for j in range(len(letters)):
            style, text = GHOST, ""
            if j <= i:
                share = float(head.weights[i, j])
                style = CellStyle(BLUE, 0.04 + 0.5 * share, INK if i == at else None)
                text = number(share) if i <= at else ""
                style = style if i <= at else CellStyle()
            drawing.cell(24 + j * SIZE, LABEL + 16 + i * SIZE, text, style, width=SIZE, height=SIZE)
    return drawing


def _output(head: Head, letters: str, at: int) -> Drawing:
    drawing = Drawing()
    weighted = head.weights[at, : at + 1, None] * head.value[: at + 1]
    _matrix(drawing, 0, "weight × value", weighted, letters)
    y = LABEL + (at + 1) * SIZE + 14
    right = LEFT + weighted.shape[1] * SIZE
    drawing.line([(LEFT, y - 8), (right, y - 8)])
    largest = float(np.abs(head.output).max(initial=0.0))
    for j, value in enumerate(head.output[at].tolist()):
        style = shaded(value, largest, INK)
        drawing.cell(LEFT + j * SIZE, y, number(value), style, width=SIZE, height=SIZE)
    drawing.text(right + 8, y + SIZE / 2, "sum")
    return drawing
