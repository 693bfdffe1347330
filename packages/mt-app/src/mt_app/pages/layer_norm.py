"""The page that shows LayerNorm and its gradient step by step."""

import numpy as np
import streamlit as st

from mt_app.figures.layer_norm import draw_stages
from mt_app.lessons.layer_norm import Normalisation, normalise
from mt_app.stepper import stepper
from mt_app.style import figure, page_head

RANDOM, ONES = "random", "all ones"


def render() -> None:
    """Draw the page."""
    page_head(
        "LayerNorm, step by step",
        "LayerNorm gives each row the mean 0 and the variance 1, and then multiplies each column "
        "by a weight and adds a bias. Its gradient loses two components: one for the mean, one "
        "for the deviation.",
        (
            "Choose equal weights and an upstream gradient of ones: the gradient of the row is 0. "
            "A test with `sum().backward()` sees nothing.",
            "Multiply the row by 10: the output stays, and the gradient becomes a tenth.",
        ),
    )
    with st.container(border=True):
        left, middle, right = st.columns(3)
        columns = left.slider("Columns", 2, 8, 5, key="norm.columns", bind="query-params")
        factor = left.select_slider(
            "Size of the row", (0.1, 1.0, 10.0), 1.0, key="norm.factor", bind="query-params"
        )
        weights = middle.segmented_control(
            "Weights",
            (RANDOM, ONES),
            default=RANDOM,
            key="norm.weights",
            bind="query-params",
            required=True,
        )
        upstream = middle.segmented_control(
            "Upstream gradient",
            (RANDOM, ONES),
            default=RANDOM,
            key="norm.upstream",
            bind="query-params",
            required=True,
        )
        seed = right.number_input(
            "Numbers drawn with seed", 0, 999, 1, key="norm.seed", bind="query-params"
        )
    rng = np.random.default_rng(int(seed))
    x, w, b, g = rng.integers(-4, 6, size=(4, int(columns))).astype(np.float64)
    one = np.ones(int(columns))
    lesson = normalise(factor * x, one if weights == ONES else w, b, one if upstream == ONES else g)
    stepper("norm", len(lesson.stages), lambda at: _show(lesson, at), name="step")


def _show(lesson: Normalisation, at: int) -> None:
    stage = lesson.stages[at]
    numbers = ", ".join(f"{value:.2f}" for value in stage.row.tolist())
    st.latex(stage.formula)
    st.markdown(f"**{stage.name.capitalize()}**: {stage.words}")
    figure(draw_stages(lesson, at).svg(), f"LayerNorm up to {stage.name}: {numbers}")
    if stage.backward:
        st.caption("Violet: the backward pass, which uses the normalised row and the deviation.")
