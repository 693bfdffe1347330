"""The page on softmax and dropout."""

import numpy as np
import streamlit as st

from mt_app.drawing import number
from mt_app.figures.planes import draw_planes
from mt_app.figures.probabilities import draw_bars, draw_dropped
from mt_app.lessons.probabilities import drop, mean_after, softmax_steps
from mt_app.style import figure, page_head, wide_table_hint
from mt_app.theme import TRAINING, VALIDATION

CLASSES = ("cat", "dog", "owl", "fox")
START = (2.0, 1.0, 0.0, -1.0)


def render() -> None:
    """Draw the page."""
    page_head(
        "Softmax and dropout",
        "Softmax converts any numbers to probabilities; dropout sets random units to zero in "
        "training. Both have a pitfall: exponentials overflow, and the mean differs between "
        "training and evaluation.",
        (
            "Add 1000 to all logits: the probabilities do not change, the plain exponentials "
            "overflow.",
            "Raise the rate of dropout and compare the means of the function and of the layer.",
        ),
    )
    softmax_tab, dropout_tab = st.tabs(["Softmax", "Dropout"], key="soft.tab", bind="query-params")
    with softmax_tab:
        _softmax()
    with dropout_tab:
        _dropout()


def _softmax() -> None:
    with st.container(border=True):
        columns = st.columns(len(CLASSES))
        logits = [
            column.slider(
                f"logit of {name}", -5.0, 5.0, value, 0.5, key=f"soft.{name}", bind="query-params"
            )
            for column, name, value in zip(columns, CLASSES, START, strict=True)
        ]
        shift = st.select_slider(
            "Added to all of them",
            (-1000, -10, 0, 10, 1000),
            0,
            key="soft.shift",
            bind="query-params",
        )
        right = st.segmented_control(
            "The true class",
            CLASSES,
            default=CLASSES[0],
            key="soft.label",
            bind="query-params",
            required=True,
        )
    label = CLASSES.index(right) if right in CLASSES else 0
    lesson = softmax_steps(np.array(logits) + shift, label)
    left, middle = st.columns(2)
    with left:
        figure(draw_bars(lesson, CLASSES).svg(), "The probability of each class")
    with middle:
        figure(
            draw_planes(lesson.jacobian, "how probability i changes with logit j").svg(),
            "The matrix of derivatives: positive on the diagonal, negative elsewhere",
        )
        st.caption(
            "The sum of each row and column is 0: the sum of the probabilities is constant. "
            r"$\partial p_i / \partial x_j = p_i (\delta_{ij} - p_j)$"
        )
    st.table(
        {
            "class": list(CLASSES),
            "logit x": [number(z) for z in lesson.logits],
            "exp(x), plain": [number(z) for z in lesson.naive],
            "x − max": [number(z) for z in lesson.shifted],
            "exp(x − max)": [f"{z:.4f}" for z in lesson.exponentials],
            "probability": [f"{p:.4f}" for p in lesson.probabilities],
            "log-softmax": [f"{z:.4f}" for z in lesson.log_probabilities],
            "gradient of the loss": [f"{g:+.4f}" for g in lesson.loss_gradient],
        }
    )
    wide_table_hint()
    st.markdown(
        f"The loss is minus the log-softmax of **{CLASSES[label]}**: **{lesson.loss:.4f}**. Its "
        "gradient is the probabilities, minus 1 at the true class: a step of gradient descent "
        "raises "
        "the logit of the true class and lowers the others."
    )


def _dropout() -> None:
    with st.container(border=True):
        left, right = st.columns(2)
        rate = left.slider("Rate", 0.0, 1.0, 0.4, 0.05, key="drop.rate", bind="query-params")
        seed = int(
            right.number_input("Drawn with seed", 0, 999, 0, key="drop.seed", bind="query-params")
        )
    outputs = np.random.default_rng(1).integers(1, 6, size=(4, 6))
    lesson = drop(outputs, rate, seed)
    pictures = draw_dropped(lesson)
    for column, (picture, label) in zip(st.columns(2) * 2, pictures, strict=True):
        with column:
            figure(picture.svg(), label)
    st.header("The mean of dropout of the number 1")
    function, layer = mean_after(rate, 400, seed)
    st.line_chart(
        {"function: zeros only": function, "layer: the rest scaled": layer},
        x_label="draws",
        y_label="mean so far",
        color=[TRAINING, VALIDATION],
        height=240,
    )
    st.caption(
        "The mean of the function is 1 − rate. The layer divides the kept elements by 1 − rate, so "
        "that the mean is the same in evaluation, where both return their input."
    )
