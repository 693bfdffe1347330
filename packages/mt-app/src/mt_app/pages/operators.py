"""The page that shows every operator as a curve with a tangent."""

import math

import streamlit as st

from mt_app.figures.curves import draw_curve
from mt_app.lessons.operators import OPERATORS, curve, tangent
from mt_app.style import figure, page_head


def render() -> None:
    """Draw the page."""
    page_head(
        "Operators and their slopes",
        "Networks compute with these few formulas only. The thick violet curve is the derivative "
        "by backpropagation. Move x and compare the slope of the tangent with the height of the "
        "violet curve: they are equal.",
        (
            "Move x to 8 on sigmoid: the slope is nearly 0, so learning is slow.",
            "Increase the step of the central difference and see when its error becomes large.",
        ),
    )
    names = [of.name for of in OPERATORS]
    chosen = (
        st.pills("Operator", names, default="sigmoid", key="op.name", bind="query-params")
        or "sigmoid"
    )
    of = OPERATORS[names.index(chosen)]
    left, right = st.columns([3, 2])
    with right:
        middle = round((of.lowest + 3 * of.highest) / 4, 1)
        x = st.slider(
            "x", of.lowest, of.highest, middle, 0.05, key=f"op.x.{of.name}", bind="query-params"
        )
        y = (
            st.slider("y", -3.0, 3.0, 1.0, 0.1, key="op.y", bind="query-params")
            if of.binary
            else 1.0
        )
        step = st.select_slider(
            "Step of the central difference",
            [10.0**power for power in range(-9, 1)],
            1e-6,
            format_func=lambda h: f"{h:g}",
            key="op.step",
            bind="query-params",
        )
        at = tangent(of, float(x), float(y), float(step))
        st.markdown(
            f"value **{_short(at.value)}**  \n"
            f"derivative, by backpropagation **{_short(at.slope)}**  \n"
            f"derivative, by the difference **{_short(at.quotient)}**"
        )
        st.caption(of.remark)
        with st.expander(f"The code of `operators.{of.name}`"):
            st.code(of.source)
    with left:
        st.header(of.sign)
        figure(
            draw_curve(curve(of, float(y)), at).svg(),
            f"The curve of {of.name}, its derivative, and the tangent at x = {x}",
        )


def _short(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.5g}"
