"""An area to draw on with mouse, pen or finger: a component of our own, without a dependency."""

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
"""Characters that a drawing may have; ours have a tenth of it."""

_component = st.components.v2.component(
    "mt_app.canvas",
    html=(_FOLDER / "canvas.html").read_text("utf-8"),
    css=(_FOLDER / "canvas.css").read_text("utf-8"),
    js=(_FOLDER / "canvas.js").read_text("utf-8"),
)


def drawing_area(key: str) -> npt.NDArray[np.uint8] | None:
    """Show an area to draw on; return the drawing, or None while it is empty.

    Args:
        key: Tells it from other areas.

    Shape:
        (height, width), uint8, bright ink on a dark ground.
    """
    result: Any = _component(key=key, default={"image": ""}, on_image_change=lambda: None)
    return decode(result.image)


def decode(address: object) -> npt.NDArray[np.uint8] | None:
    """Return the picture that a browser sent; None if there is none, or it is not one of ours."""
    if not isinstance(address, str) or not address.startswith(_PREFIX) or len(address) > LARGEST:
        return None
    try:
        with Image.open(io.BytesIO(base64.b64decode(address.removeprefix(_PREFIX)))) as picture:
            return np.asarray(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
