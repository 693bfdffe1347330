"""A Streamlit component for drawing with mouse, pen or finger, without further dependencies."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

_FOLDER = Path(__file__).parent / "assets"
_PREFIX = "data:image/png;base64,"
LARGEST = 200_000
"""The largest size of a drawing in characters; the component sends a tenth of it."""

_component = st.components.v2.component(
    "mt_app.canvas",
    html=(_FOLDER / "canvas.html").read_text("utf-8"),
    css=(_FOLDER / "canvas.css").read_text("utf-8"),
    js=(_FOLDER / "canvas.js").read_text("utf-8"),
)


def drawing_area(key: str) -> npt.NDArray[np.uint8] | None:
    """Show a drawing area; return the drawing, or None while it is empty.

    Args:
        key: The unique key of the area.

    Shape:
        (height, width), uint8, bright ink on a dark background.
    """
    result: Any = _component(key=key, default={"image": ""}, on_image_change=lambda: None)
    return decode(result.image)


def decode(address: object) -> npt.NDArray[np.uint8] | None:
    """Return the picture that the browser sent; None if it is missing or invalid."""
    if not isinstance(address, str) or not address.startswith(_PREFIX) or len(address) > LARGEST:
        return None
    try:
        with Image.open(io.BytesIO(base64.b64decode(address.removeprefix(_PREFIX)))) as picture:
            return np.asarray(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
