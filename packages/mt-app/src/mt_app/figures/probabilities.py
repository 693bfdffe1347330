"""Figures of probabilities as bars, and of dropout."""

from collections.abc import Sequence

import numpy as np

from mt_app.drawing import GHOST, CellStyle, Drawing, shaded
from mt_app.figures.planes import Index, draw_planes
from mt_app.lessons.probabilities import Array, Dropped, Softmax
from mt_app.theme import BLUE, DERIVATIVE

BAR = 240.0


def draw_bars(lesson: Softmax, classes: Sequence[str]) -> Drawing:
    """Draw each class's probability as a bar, with an arrow for the descent step of its logit."""
    drawing = Drawing()
    drawing.text(0, 0, "probabilities; arrows: the step of gradient descent", strong=True)
    for i, name in enumerate(classes):
        y = 32.0 + 34 * i
        probability = float(lesson.probabilities[i])
        drawing.text(44, y, name, anchor="end", strong=i == lesson.label)
        drawing.tint(54, y - 10, BAR, 20, "currentColor", 0.06)
        drawing.tint(54, y - 10, BAR * probability, 20, BLUE, 0.75)
        drawing.text(54 + BAR + 8, y, f"{probability:.3f}")
        # The step is in the direction of the negative gradient.
        push = -float(lesson.loss_gradient[i])
        if abs(push) > 0.02:
            middle = 54 + BAR + 100
            drawing.arrow([(middle, y), (middle + 40 * push, y)], colour=DERIVATIVE, width=2.5)
    drawing.tint(54 + BAR + 60, 20, 80, 0.1, "currentColor", 0.0)
    return drawing


def draw_dropped(lesson: Dropped) -> list[tuple[Drawing, str]]:
    """Draw a layer's outputs, the results of both kinds of dropout, and the gradient."""

    def style(index: Index) -> CellStyle | None:
        return GHOST if lesson.function[index] == 0.0 else None

    def gradient(index: Index) -> CellStyle:
        return style(index) or shaded(float(lesson.gradient[index]), 1.0)

    def draw(array: Array, title: str) -> Drawing:
        return draw_planes(array, title, style=style)

    return [
        (
            draw_planes(lesson.input, "outputs of a layer; in evaluation, all of them"),
            "The outputs",
        ),
        (
            draw(lesson.function, "function: the rest is unchanged"),
            "The result of the function dropout",
        ),
        (
            draw(np.round(lesson.layer, 2), "layer: the rest is scaled"),
            "The result of the layer Dropout",
        ),
        (
            draw_planes(
                lesson.gradient, "gradient: zero where an element was dropped", style=gradient
            ),
            "The gradient of the sum of the function's result",
        ),
    ]
