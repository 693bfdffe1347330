"""The script that Streamlit runs: the list of pages, and the current page."""

from types import ModuleType

import numpy as np
import streamlit as st
from PIL import Image

from mt_app.pages import (
    attention,
    autodiff,
    convolution,
    digits,
    grade,
    layer_norm,
    modules,
    names,
    operators,
    points,
    pooling,
    probabilities,
    sentiment,
    speed,
    tensors,
    text,
)

SEVEN = "........ .######. .....##. ....##.. ...##... ..##.... ..##.... ........"

# The pages of each section: module, title, Material icon, last part of the address. A text below
# the table would be shown on every page: Streamlit shows texts that stand alone in a script.
PAGES: dict[str, list[tuple[ModuleType, str, str, str]]] = {
    "Networks": [
        (digits, "Digits", "draw", "start"),
        (sentiment, "Sentiment", "chat", "sentiment"),
        (text, "Text", "edit_note", "text"),
    ],
    "Step by step": [
        (convolution, "Convolution", "grid_on", "convolution"),
        (pooling, "Pooling", "apps", "pooling"),
        (probabilities, "Softmax and dropout", "bar_chart", "softmax"),
        (layer_norm, "LayerNorm", "straighten", "layernorm"),
        (attention, "Attention", "center_focus_strong", "attention"),
        (names, "Names", "badge", "names"),
    ],
    "Modules 0 – 3": [
        (operators, "Operators", "function", "operators"),
        (autodiff, "Autodiff", "account_tree", "autodiff"),
        (tensors, "Tensors", "view_in_ar", "tensors"),
        (points, "Points", "scatter_plot", "points"),
        (modules, "Module trees", "lan", "modules"),
    ],
    "Workbench": [
        (speed, "Speed", "speed", "speed"),
        (grade, "Grade", "task_alt", "grade"),
    ],
}


def main() -> None:
    """Show the page that is selected in the sidebar."""
    st.set_page_config(page_title="MiniTorch", page_icon=_icon(), layout="wide")
    sections = {
        section: [
            st.Page(
                module.render,
                title=title,
                icon=f":material/{icon}:",
                url_path=path,
                default=module is digits,
            )
            for module, title, icon, path in rows
        ]
        for section, rows in PAGES.items()
    }
    # Streamlit gives the default page the empty address only. A second page has its own name.
    sections["Networks"].append(
        st.Page(digits.render, title="Digits", url_path="digits", visibility="hidden")
    )
    st.navigation(sections).run()


def _icon() -> Image.Image:
    """Return the icon of the browser tab. Streamlit's icons would be loaded from another host."""
    pixels = [[255 if cell == "#" else 0 for cell in row] for row in SEVEN.split()]
    return Image.fromarray(np.array(pixels, np.uint8)).resize((64, 64), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
