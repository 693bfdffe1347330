"""The page that shows a convolution step by step."""

import numpy as np
import streamlit as st

from mt_app.figures.convolution import draw_step, sum_in_words
from mt_app.lessons.convolution import (
    LAYOUTS,
    PHASES,
    Convolution,
    Phase,
    convolution,
)
from mt_app.stepper import stepper
from mt_app.style import figure, page_head

FORMULAS: dict[Phase, str] = {
    "forward": r"z_{o,p} = \sum_{c,k} x_{c,\,p \pm k}\; w_{o,c,k}",
    "input gradient": r"\bar x_{c,q} = \sum_{o,k} \bar z_{o,\,q \mp k}\; w_{o,c,k}",
    "weight gradient": r"\bar w_{o,c,k} = \sum_p x_{c,\,p \pm k}\; \bar z_{o,p}",
}
"""The formula of each phase: the upper sign without `reverse`, the lower one with it."""


def render() -> None:
    """Draw the page."""
    page_head(
        "Convolution, step by step",
        "A convolution multiplies a window of the input by a kernel, adds the products up, and "
        "moves on by one. Watch three things: which elements the window covers, where it extends "
        "over "
        "the edge and reads zeros, and which elements of the storage it reads.",
        (
            "Play the forward pass once, then switch to the gradient of the input: it is a "
            "convolution, too, anchored at the other end.",
            "Store the input column by column: the picture of the tensor does not change, the "
            "storage does.",
        ),
    )
    lesson = _choose()
    chosen: Phase | None = st.segmented_control(
        "What is computed",
        PHASES,
        default="forward",
        format_func=str.capitalize,
        key="conv.phase",
        bind="query-params",
        required=True,
    )
    phase: Phase = chosen or "forward"
    plus, minus = ("-", "+") if lesson.reverse else ("+", "-")
    st.latex(FORMULAS[phase].replace(r"\pm", plus).replace(r"\mp", minus))
    steps = lesson.steps(phase)
    stepper(f"conv.{phase}", len(steps), lambda at: _show(lesson, phase, at), name="output")


def _choose() -> Convolution:
    """Show the settings, and compute the convolution."""
    with st.container(border=True):
        left, middle, right = st.columns(3)
        flat = left.segmented_control(
            "Input",
            ("1-D", "2-D"),
            default="2-D",
            key="conv.dims",
            bind="query-params",
            required=True,
        )
        reverse = left.toggle(
            "reverse",
            key="conv.reverse",
            bind="query-params",
            help="Anchor the kernel at its last element: the window extends back instead of ahead.",
        )
        width = middle.slider("Kernel size", 1, 4, 3, key="conv.kernel", bind="query-params")
        channels = middle.slider(
            "Input channels", 1, 3, 1, key="conv.channels", bind="query-params"
        )
        kernels = right.slider(
            "Kernels (output channels)", 1, 3, 1, key="conv.kernels", bind="query-params"
        )
        layout = right.selectbox(
            "The input lies in memory", LAYOUTS, key="conv.layout", bind="query-params"
        )
        seed = left.number_input(
            "Numbers drawn with seed", 0, 999, 1, key="conv.seed", bind="query-params"
        )
    sizes, kernel = ((8,), (width,)) if flat == "1-D" else ((5, 5), (width, width))
    rng = np.random.default_rng(int(seed))
    return convolution(
        rng.integers(-3, 6, size=(channels, *sizes)),
        rng.integers(-2, 3, size=(kernels, channels, *kernel)),
        rng.integers(-2, 3, size=(kernels, *sizes)),
        reverse=reverse,
        layout=layout,
    )


def _show(lesson: Convolution, phase: Phase, at: int) -> None:
    """Draw one step."""
    step = lesson.steps(phase)[at]
    figures = draw_step(lesson, phase, at)
    words = sum_in_words(lesson, phase, step)
    st.code(words, language=None, wrap_lines=True)
    # The results of a sequence are below it, those of an image beside it.
    sequence = lesson.output.ndim == 2
    first, second, *third = st.columns([2, 1] if sequence else 3)
    with first:
        figure(figures.left.svg(220), f"The window on the first factor: {words}")
    with second:
        figure(figures.right.svg(220), "The other factor; used elements have a frame")
    with third[0] if third else first:
        figure(figures.result.svg(220), "The result so far; the newest element has a frame")
    st.header("The same step in memory")
    st.caption("Each cell shows an element and its position; the elements of this step are filled.")
    left, right = st.columns(2)
    with left:
        figure(figures.left_storage.svg(), "The storage elements that the window reads")
    with right:
        figure(
            figures.right_storage.svg(), "The storage elements of the other factor that are read"
        )
