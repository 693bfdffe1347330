"""The page that shows pooling, window by window."""

import numpy as np
import streamlit as st

from mt_app.figures.pooling import draw_windows
from mt_app.lessons.pooling import Kind, Pooling, pool, views_of_tile
from mt_app.stepper import stepper
from mt_app.style import figure, page_head

KINDS: tuple[Kind, ...] = ("average", "maximum")
SHAPE = (4, 6)


def render() -> None:
    """Draw the page."""
    page_head(
        "Pooling, step by step",
        "Pooling divides an image into windows and computes one number of each. Tiling takes two "
        "views and one copy; after that the elements of a window are next to each other in "
        "memory.",
        (
            "Switch between average and maximum and compare the gradients: one is equal for all "
            "elements of a window, the other is at a single element.",
            "With seed 2 and windows of 2 × 2 a maximum occurs twice: the first one has the "
            "gradient.",
        ),
    )
    with st.container(border=True):
        left, middle, right = st.columns(3)
        kind = left.segmented_control(
            "What is kept",
            KINDS,
            default="maximum",
            format_func=str.capitalize,
            key="pool.kind",
            bind="query-params",
            required=True,
        )
        kh = middle.select_slider(
            "Height of a window", (1, 2, 4), 2, key="pool.kh", bind="query-params"
        )
        kw = middle.select_slider(
            "Width of a window", (1, 2, 3, 6), 2, key="pool.kw", bind="query-params"
        )
        seed = right.number_input(
            "Numbers drawn with seed", 0, 999, 2, key="pool.seed", bind="query-params"
        )
    image = np.random.default_rng(int(seed)).integers(-4, 6, size=SHAPE)
    lesson = pool(image, (int(kh), int(kw)), kind or "maximum")
    stepper("pool", lesson.output.size, lambda at: _show(lesson, at), name="window")
    st.header("What `tile` does")
    st.table(
        {
            "step": [name for name, _ in views_of_tile(SHAPE, lesson.kernel)],
            "shape": [str(shape) for _, shape in views_of_tile(SHAPE, lesson.kernel)],
        }
    )
    st.caption("Only the last step copies elements: a permuted image is not contiguous.")


def _show(lesson: Pooling, at: int) -> None:
    image, tiles, output, gradient = draw_windows(lesson, at)
    left, right = st.columns(2)
    with left:
        figure(image.svg(), "The image; the elements of the window are framed")
        figure(output.svg(), "The pooled image so far")
    with right:
        figure(gradient.svg(), "The gradient of the sum of the result")
        figure(tiles.svg(), "The windows as rows, each element with its position in the image")
