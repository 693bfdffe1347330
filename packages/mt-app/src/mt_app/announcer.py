"""A Streamlit component that lets screen readers announce results."""

import streamlit as st

_component = st.components.v2.component(
    "mt_app.announcer",
    html='<p role="status"></p>',
    css="p { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; "
    "clip-path: inset(50%); white-space: nowrap; }",
    # The element stays while its text changes: a new element would not be announced.
    js="export default ({ data, parentElement }) => {"
    " const status = parentElement.querySelector('p');"
    " if (status.textContent !== data) status.textContent = data; }",
)


def announce(text: str, key: str) -> None:
    """Announce a text when it changes. It is invisible on the page.

    Args:
        text: The text.
        key: The unique key of the component.
    """
    _component(data=text, key=key)
