"""A Streamlit component that links the values of a LeNet's layers with their windows."""

from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent / "assets"

_component = st.components.v2.component(
    "mt_app.explorer",
    html=(_FOLDER / "explorer.html").read_text("utf-8"),
    css=(_FOLDER / "explorer.css").read_text("utf-8"),
    js=(_FOLDER / "explorer.js").read_text("utf-8"),
)


def explorer(data: dict[str, Any], key: str) -> None:
    """Show the layers as pictures; the pointer or the arrow keys select a value.

    Args:
        data: The layers, see `explorer_data`.
        key: The unique key of the component.
    """
    _component(data=data, key=key)
