"""What all pages share: the head of a page, its hints, and the few rules of style that are ours.

Colours are taken from Streamlit's theme or are translucent, so that everything reads well on a
bright and on a dark page. Nothing has a fixed width beyond that of a phone.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st

from mt_app.theme import BLUE, ORANGE

CSS = Path(__file__).parent.joinpath("assets", "style.css").read_text("utf-8")


def page_head(title: str, lead: str, try_this: Sequence[str] = ()) -> None:
    """Open a page.

    Args:
        title: What the page shows.
        lead: One paragraph that says what to look for.
        try_this: One or two things to do first.
    """
    st.html(f"<style>:root {{--mt-blue: {BLUE}; --mt-orange: {ORANGE}}}{CSS}</style>")
    st.title(title)
    st.html(f'<p class="mt-lead">{lead}</p>')
    if try_this:
        st.info("\n".join(f"- {hint}" for hint in try_this), icon=":material/touch_app:")


def figure(svg: str, label: str) -> None:
    """Show a drawing of ours.

    Args:
        svg: The drawing. `currentColor` in it is the colour of the page's text.
        label: What it shows, for who cannot see it.
    """
    # `st.html` takes drawings out. Without a line break in it, this is no Markdown.
    picture = f'<div class="mt-figure" role="img" aria-label="{escape(label)}">{svg}</div>'
    st.markdown(picture.replace("\n", " "), unsafe_allow_html=True)
