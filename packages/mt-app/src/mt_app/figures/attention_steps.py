"""Figures of the steps of attention: the two arrays that a step reads, and the result so far."""

from collections.abc import Collection

import numpy as np

from mt_app.drawing import GHOST, INK, CellStyle, Drawing, number, shaded
from mt_app.figures.planes import Index, draw_planes
from mt_app.lessons.attention import FACTORS, SCALED, Attention, Phase, Step

TITLES = {
    "query": "queries q",
    "key": "keys k",
    "value": "values v",
    "output gradient": "gradient of the output",
    "scores": "scores s",
    "weights": "weights a",
    "output": "output o",
    "value gradient": "gradient of v",
    "weight gradient": "gradient of a",
    "score gradient": "gradient of s",
    "query gradient": "gradient of q",
    "key gradient": "gradient of k",
}
"""The displayed names of the arrays."""

MASKED = frozenset({"scores", "weights", "weight gradient", "score gradient"})
"""The arrays with one number for each query and key, which the mask may hide."""


def draw_step(lesson: Attention, phase: Phase, at: int) -> tuple[Drawing, ...]:
    """Draw the step at a position.

    Returns:
        The arrays that the step reads, one or two, with a frame around the numbers that it uses,
        and the result so far, with a frame around the newest number.
    """
    steps = lesson.steps(phase)
    step = steps[at]
    first, second = FACTORS[phase]
    read = [_draw(lesson, first, {term.left for term in step.terms})]
    if second != first:
        read.append(_draw(lesson, second, {term.right for term in step.terms}))
    later = {each.out for each in steps[at + 1 :]}
    return *read, _draw(lesson, phase, {step.out}, later)


def step_in_words(lesson: Attention, phase: Phase, step: Step) -> str:
    """Return the computation of a step as text, with all its terms."""
    left, right = (lesson.arrays[name] for name in FACTORS[phase])
    start = f"[{', '.join(map(str, step.out))}] = "
    if not step.terms:
        query, key = step.out
        return f"{start}0: the mask hides key {key} from query {query}"
    result = number(lesson.value(phase, step))
    if phase == "weights":
        terms = " + ".join(f"exp({number(left[term.left])})" for term in step.terms)
        return f"{start}exp({number(left[step.out])}) / ({terms}) = {result}"
    terms = " + ".join(
        f"{_factor(left[term.left])}·{_factor(right[term.right])}" for term in step.terms
    )
    if phase == "score gradient":
        own = f"{_factor(right[step.out])}·({number(left[step.out])} - ({terms}))"
        return f"{start}{own} = {result}"
    if phase in SCALED:
        terms = f"({terms}) / √{lesson.arrays['query'].shape[1]}"
    return f"{start}{terms} = {result}"


def _factor(value: float) -> str:
    text = number(value)
    return f"({text})" if text.startswith(("-", "−")) else text


def _draw(
    lesson: Attention, name: str, framed: Collection[Index], later: Collection[Index] = ()
) -> Drawing:
    """Draw an array.

    Args:
        lesson: The attention.
        name: The name of the array.
        framed: The numbers that get a frame.
        later: The numbers that are not computed yet.
    """
    array = lesson.arrays[name]
    largest = float(np.abs(array).max(initial=0.0))

    def is_masked(index: Index) -> bool:
        return name in MASKED and lesson.is_hidden(index[0], index[1])

    def style(index: Index) -> CellStyle | None:
        frame = INK if index in framed else None
        if is_masked(index):
            return CellStyle(strength=0.0, frame=frame, ghost=True) if frame else GHOST
        return shaded(float(array[index]), largest, frame) if frame else None

    masked = {index for index in np.ndindex(array.shape) if is_masked(index)}
    return draw_planes(array, TITLES[name], style=style, hidden={*later, *masked})
