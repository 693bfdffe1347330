"""Common elements of all pages: heading, hints, style sheet.

Colours are those of Streamlit's theme or translucent, so that they fit light and dark mode. No
element has a fixed width larger than a phone's.
"""

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st

from mt_app.theme import DERIVATIVE, LIGHT, style_variables

CSS = Path(__file__).parent.joinpath("assets", "style.css").read_text("utf-8")


def page_head(title: str, lead: str, try_this: Sequence[str] = ()) -> None:
    """Show the heading of a page.

    Args:
        title: The title of the page.
        lead: The introduction, one paragraph.
        try_this: Suggestions for first steps.
    """
    st.html(f"<style>:root {{{style_variables()}}}{CSS}</style>")
    st.title(title)
    st.html(f'<p class="mt-lead">{lead}</p>')
    if try_this:
        with st.expander("Try this", icon=":material/touch_app:"):
            st.markdown("\n".join(f"- {hint}" for hint in try_this))


def wide_table_hint() -> None:
    """Say on a narrow page that the table above has more columns."""
    st.html('<p class="mt-narrow">The table has more columns: scroll it sideways.</p>')


def standalone(svg: str) -> str:
    """Return an SVG drawing for a file: with the colours of light mode, on a white ground."""
    coloured = svg.replace("currentColor", LIGHT.text).replace(DERIVATIVE, LIGHT.derivative)
    return coloured.replace('style="', f'style="background:{LIGHT.background};', 1)


def file_name(label: str) -> str:
    """Return the name of the file of a picture.

    >>> file_name("The storage of the tensor: 3 x 4")
    'the-storage-of-the-tensor-3-x-4.svg'
    """
    return "-".join(re.findall("[a-z0-9]+", label.lower()))[:60] + ".svg"


def figure(svg: str, label: str) -> None:
    """Show an SVG drawing.

    Args:
        svg: The drawing. `currentColor` in it is the colour of the page's text.
        label: The description for screen readers.
    """
    # `st.html` removes SVG. Text without line breaks is not parsed as Markdown.
    address = base64.b64encode(standalone(svg).encode()).decode()
    picture = (
        f'<div class="mt-figure" role="img" aria-label="{escape(label)}">{svg}</div>'
        f'<a class="mt-save" download="{file_name(label)}" '
        f'href="data:image/svg+xml;base64,{address}">Save picture</a>'
    )
    st.markdown(picture.replace("\n", " "), unsafe_allow_html=True)
