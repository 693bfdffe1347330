"""The script that Streamlit runs: the list of pages, and the one that is open."""

import numpy as np
import streamlit as st
from PIL import Image

from mt_app.pages import (
    autodiff,
    convolution,
    digits,
    grade,
    modules,
    operators,
    points,
    pooling,
    probabilities,
    sentiment,
    speed,
    tensors,
)

SEVEN = "........ .######. .....##. ....##.. ...##... ..##.... ..##.... ........"


def main() -> None:
    """Show the page that is chosen at the side."""
    st.set_page_config(page_title="MiniTorch", page_icon=_icon(), layout="wide")
    page = st.navigation(
        {
            "Networks": [
                st.Page(
                    digits.render,
                    title="Digits",
                    icon=":material/draw:",
                    url_path="digits",
                    default=True,
                ),
                st.Page(
                    sentiment.render,
                    title="Sentiment",
                    icon=":material/chat:",
                    url_path="sentiment",
                ),
            ],
            "Step by step": [
                st.Page(
                    convolution.render,
                    title="Convolution",
                    icon=":material/grid_on:",
                    url_path="convolution",
                ),
                st.Page(
                    pooling.render, title="Pooling", icon=":material/apps:", url_path="pooling"
                ),
                st.Page(
                    probabilities.render,
                    title="Softmax and dropout",
                    icon=":material/bar_chart:",
                    url_path="softmax",
                ),
            ],
            "Modules 0 – 3": [
                st.Page(
                    operators.render,
                    title="Operators",
                    icon=":material/function:",
                    url_path="operators",
                ),
                st.Page(
                    autodiff.render,
                    title="Autodiff",
                    icon=":material/account_tree:",
                    url_path="autodiff",
                ),
                st.Page(
                    tensors.render,
                    title="Tensors",
                    icon=":material/view_in_ar:",
                    url_path="tensors",
                ),
                st.Page(
                    points.render, title="Points", icon=":material/scatter_plot:", url_path="points"
                ),
                st.Page(
                    modules.render, title="Module trees", icon=":material/lan:", url_path="modules"
                ),
            ],
            "Workbench": [
                st.Page(speed.render, title="Speed", icon=":material/speed:", url_path="speed"),
                st.Page(grade.render, title="Grade", icon=":material/task_alt:", url_path="grade"),
            ],
        }
    )
    page.run()


def _icon() -> Image.Image:
    """Return the browser tab's picture. One of Streamlit's own would come from another host."""
    pixels = [[255 if cell == "#" else 0 for cell in row] for row in SEVEN.split()]
    return Image.fromarray(np.array(pixels, np.uint8)).resize((64, 64), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
