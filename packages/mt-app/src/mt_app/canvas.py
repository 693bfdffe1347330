"""A Streamlit component for drawing with mouse, pen, finger or keyboard."""

from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from mt_app.components import component
from mt_app.strokes import BRUSH, LONGEST, paint, read_strokes

EXAMPLE = "1y1y.2a1y3c1y4q1y5j1y57364x404m524c5z4268"
"""A seven, which is drawn before the user draws."""

_component = component("canvas", "tools")


def drawing_area(key: str) -> npt.NDArray[np.uint8] | None:
    """Show a drawing area; return the drawing, or None while it is empty.

    The strokes are a part of the page's address, so that a link or a reload shows them.

    Args:
        key: The unique key of the area, and the name of the strokes in the address.

    Shape:
        (height, width), uint8, bright ink on a dark background.
    """
    kept = f"{key} strokes"
    text = st.query_params.get(key, st.session_state.get(kept, EXAMPLE))
    result: Any = _component(
        key=f"{key} area",
        data={"strokes": text, "brush": BRUSH, "longest": LONGEST},
        default={"strokes": text},
        on_strokes_change=lambda: None,
    )
    if isinstance(result.strokes, str):
        text = result.strokes
    try:
        strokes = read_strokes(text)
    except ValueError as error:
        st.warning(f"The address contains no drawing: {error}. Draw one.")
        strokes = ()
    else:
        st.session_state[kept] = text
        if st.query_params.get(key, EXAMPLE) != text:
            st.query_params[key] = text
    return paint(strokes)
