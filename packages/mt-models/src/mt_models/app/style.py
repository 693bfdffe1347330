"""What all pages share: the head of a page, its hints, and the few rules of style that are ours.

Colours are taken from Streamlit's theme or are translucent, so that everything reads well on a
bright and on a dark page. Nothing has a fixed width beyond that of a phone.
"""

from collections.abc import Sequence

import streamlit as st

from mt_models.app.theme import BLUE, ORANGE

CSS = f"""
<style>
  :root {{ --mt-blue: {BLUE}; --mt-orange: {ORANGE}; --mt-line: rgba(128, 140, 155, 0.35); }}
  .stMainBlockContainer {{ max-width: 68rem; padding-top: 3.5rem; padding-bottom: 4rem; }}
  .mt-lead {{ font-size: 1.05rem; line-height: 1.6; max-width: 46rem; opacity: 0.85; }}
  .mt-figure {{ width: 100%; overflow-x: auto; }}
  .mt-figure svg {{ max-width: 100%; height: auto; color: inherit; }}
  .mt-pixels img {{ image-rendering: pixelated; }}
  @media (max-width: 640px) {{
    .stMainBlockContainer {{ padding-left: 1rem; padding-right: 1rem; }}
    h1 {{ font-size: 1.7rem !important; }}
  }}
</style>
"""


def page_head(title: str, lead: str, try_this: Sequence[str] = ()) -> None:
    """Open a page.

    Args:
        title: What the page shows.
        lead: One paragraph that says what to look for.
        try_this: One or two things to do first.
    """
    st.html(CSS)
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
    st.html(f'<div class="mt-figure" role="img" aria-label="{label}">{svg}</div>')
