"""The page that shows attention and its gradients step by step."""

import numpy as np
import streamlit as st

from mt_app.figures.attention_steps import draw_step, step_in_words
from mt_app.lessons.attention import PHASES, Attention, Phase, attend
from mt_app.stepper import stepper
from mt_app.style import figure, page_head

FORMULAS: dict[Phase, str] = {
    "scores": r"s_{ij} = \frac{1}{\sqrt d} \sum_c q_{ic}\, k_{jc}",
    "weights": r"a_{ij} = \frac{e^{s_{ij}}}{\sum_m e^{s_{im}}}",
    "output": r"o_{ic} = \sum_j a_{ij}\, v_{jc}",
    "value gradient": r"\bar v_{jc} = \sum_i a_{ij}\, \bar o_{ic}",
    "weight gradient": r"\bar a_{ij} = \sum_c \bar o_{ic}\, v_{jc}",
    "score gradient": r"\bar s_{ij} = a_{ij} \Big( \bar a_{ij} - \sum_m \bar a_{im}\, a_{im} \Big)",
    "query gradient": r"\bar q_{ic} = \frac{1}{\sqrt d} \sum_j \bar s_{ij}\, k_{jc}",
    "key gradient": r"\bar k_{jc} = \frac{1}{\sqrt d} \sum_i \bar s_{ij}\, q_{ic}",
}


def render() -> None:
    """Draw the page."""
    page_head(
        "Attention, step by step",
        "Each position compares its query with the keys, turns the scores into weights, and adds "
        "up the values with these weights. The gradients go the same way back. Watch which row "
        "and which column each number reads, and what the mask hides.",
        (
            "Step through the weights of one row: they add up to 1, with and without the mask.",
            "Choose the gradient of the scores: each row adds up to 0, because a number added to "
            "all scores of a row changes nothing.",
            "Multiply the queries by 10: one weight is almost 1, and the gradients of the scores "
            "almost vanish.",
        ),
    )
    lesson = _choose()
    chosen: Phase | None = st.segmented_control(
        "What is computed",
        PHASES,
        default="scores",
        format_func=str.capitalize,
        key="attention.phase",
        bind="query-params",
        required=True,
    )
    phase: Phase = chosen or "scores"
    st.latex(FORMULAS[phase])
    count = len(lesson.steps(phase))
    stepper(f"attention.{phase}", count, lambda at: _show(lesson, phase, at), name="number")


def _choose() -> Attention:
    """Show the settings, and compute the attention."""
    with st.container(border=True):
        left, middle, right = st.columns(3)
        length = left.slider("Positions", 1, 5, 4, key="attention.length", bind="query-params")
        size = middle.slider("Size of a head", 1, 4, 2, key="attention.size", bind="query-params")
        factor = middle.select_slider(
            "Size of the queries",
            (0.1, 1.0, 10.0),
            1.0,
            key="attention.factor",
            bind="query-params",
        )
        causal = left.toggle(
            "Causal mask",
            True,
            key="attention.causal",
            bind="query-params",
            help="A query uses its own key and the keys before it.",
        )
        seed = right.number_input(
            "Numbers drawn with seed", 0, 999, 1, key="attention.seed", bind="query-params"
        )
    rng = np.random.default_rng(int(seed))
    q, k, v, g = rng.integers(-2, 3, size=(4, int(length), int(size))).astype(np.float64)
    return attend(float(factor) * q, k, v, g, causal=bool(causal))


def _show(lesson: Attention, phase: Phase, at: int) -> None:
    """Draw one step."""
    words = step_in_words(lesson, phase, lesson.steps(phase)[at])
    st.code(words, language=None, wrap_lines=True)
    *read, result = draw_step(lesson, phase, at)
    columns = st.columns(len(read) + 1)
    for place, drawing in enumerate(read):
        with columns[place]:
            text = f"The numbers that are read: {words}" if place == 0 else "The other numbers"
            figure(drawing.svg(220), text)
    with columns[-1]:
        figure(result.svg(220), "The result so far; the newest number has a frame")
    if lesson.causal:
        st.caption("Dashed: the mask hides these keys from the query.")
