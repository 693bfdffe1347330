"""Figures of a convolution: the window on the input, and the storage elements that it reads."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_app.drawing import INK, CellStyle, Drawing, number, shaded
from mt_app.figures.planes import Index, draw_planes, draw_storage
from mt_app.lessons.convolution import Convolution, Phase, Step, positions_read
from mt_tensor import TensorData

LEFT = {
    "forward": "input x",
    "input gradient": "gradient of the output",
    "weight gradient": "input x",
}
RIGHT = {
    "forward": "kernel w",
    "input gradient": "kernel w",
    "weight gradient": "gradient of the output",
}
RESULT = {
    "forward": "output z",
    "input gradient": "gradient of x",
    "weight gradient": "gradient of w",
}


@dataclass(frozen=True, slots=True)
class StepFigures:
    """The figures of one step.

    Attributes:
        left: The array under the window, with a frame around the window; each of its elements
            shows its factor.
        right: The other factor, with a frame around the elements that are used.
        result: The result so far.
        left_storage: The storage of `left`, numbered in the order of reading.
        right_storage: The storage of `right`.
    """

    left: Drawing
    right: Drawing
    result: Drawing
    left_storage: Drawing
    right_storage: Drawing


def draw_step(lesson: Convolution, phase: Phase, at: int) -> StepFigures:
    """Draw the step at a position."""
    steps = lesson.steps(phase)
    step = steps[at]
    left, right = lesson.factors(phase)
    matrix = len(lesson.output.shape) == 3
    return StepFigures(
        _draw_left(step, left, right, LEFT[phase], matrix),
        _draw_right(step, right, RIGHT[phase], matrix),
        draw_planes(
            lesson.result(phase),
            RESULT[phase],
            style=lambda index: (
                shaded(float(lesson.result(phase)[index]), _largest(lesson.result(phase)), INK)
                if index == step.out
                else None
            ),
            hidden={later.out for later in steps[at + 1 :]},
            matrix=matrix,
        ),
        _draw_memory(left, [term.left for term in step.terms if term.inside], LEFT[phase]),
        _draw_memory(right, [term.right for term in step.terms if term.inside], RIGHT[phase]),
    )


def sum_in_words(lesson: Convolution, phase: Phase, step: Step) -> str:
    """Return the sum of a step as text, with all its products."""
    left, right = lesson.factors(phase)
    products = [
        f"{number(left.get(t.left))}·{_in_product(right.get(t.right))}"
        for t in step.terms
        if t.inside
    ]
    outside = sum(not term.inside for term in step.terms)
    shown = " + ".join(products)
    zeros = f"  ({outside} of {len(step.terms)} read a zero outside)" if outside else ""
    index = ", ".join(map(str, step.out))
    return f"[{index}] = {shown or '0'} = {number(lesson.sum(phase, step))}{zeros}"


def _in_product(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)


def _draw_left(
    step: Step, left: TensorData, right: TensorData, title: str, matrix: bool
) -> Drawing:
    factors = {term.left: right.get(term.right) for term in step.terms}
    array = _array(left)
    largest = _largest(array)

    def style(index: Index) -> CellStyle | None:
        return shaded(float(array[index]), largest, INK) if index in factors else None

    def note(index: Index) -> str:
        return f"×{number(factors[index])}" if index in factors else ""

    outside = [term.left for term in step.terms if not term.inside]
    return draw_planes(array, title, style=style, note=note, outside=outside, matrix=matrix)


def _draw_right(step: Step, right: TensorData, title: str, matrix: bool) -> Drawing:
    inside = {term.right for term in step.terms if term.inside}
    used = {term.right for term in step.terms}
    array = _array(right)
    largest = _largest(array)

    def style(index: Index) -> CellStyle | None:
        if index not in used:
            return None
        return (
            shaded(float(array[index]), largest, INK)
            if index in inside
            else CellStyle(strength=0.0)
        )

    return draw_planes(array, title, style=style, matrix=matrix)


def _draw_memory(data: TensorData, indices: list[Index], title: str) -> Drawing:
    read = set(positions_read(data, indices))
    # In row-major layout the rows of the picture are then the rows of the tensor.
    columns = max(12 // data.shape[-1], 1) * data.shape[-1]
    return draw_storage(
        [float(value) for value in data.storage],
        f"{title}: shape {data.shape}, strides {data.strides}",
        style=lambda position: CellStyle(INK, 0.2, INK) if position in read else None,
        columns=columns,
    )


def _array(data: TensorData) -> npt.NDArray[np.float64]:
    return np.array([data.get(index) for index in data.indices()]).reshape(data.shape)


def _largest(array: npt.NDArray[np.float64]) -> float:
    return float(np.abs(array).max(initial=0.0))
