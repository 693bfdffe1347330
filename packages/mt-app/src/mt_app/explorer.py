"""A Streamlit component that links the values of a LeNet's layers with their windows."""

from typing import Any

from mt_app.components import component

_component = component("explorer")


def explorer(data: dict[str, Any], key: str) -> None:
    """Show the layers as pictures; the pointer or the arrow keys select a value.

    Args:
        data: The layers, see `explorer_data`.
        key: The unique key of the component.
    """
    _component(data=data, key=key)
