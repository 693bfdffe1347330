"""Streamlit components whose HTML, style sheet and script are files in `assets/`."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_FOLDER = Path(__file__).parent / "assets"


def component(name: str, *shared: str) -> ComponentRenderer:
    """Register a component.

    Args:
        name: The name of the component and of its files.
        shared: The names of style sheets that come before its own.
    """
    sheets = [_FOLDER / f"{sheet}.css" for sheet in (*shared, name)]
    return st.components.v2.component(
        f"mt_app.{name}",
        html=(_FOLDER / f"{name}.html").read_text("utf-8"),
        css="".join(sheet.read_text("utf-8") for sheet in sheets),
        js=(_FOLDER / f"{name}.js").read_text("utf-8"),
    )
