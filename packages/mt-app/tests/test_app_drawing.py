"""Drawings: valid XML, bounds, escaped text."""

import math
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from mt_app.drawing import CellStyle, Drawing, number, shaded


def parsed(drawing: Drawing) -> ET.Element:
    return ET.fromstring(drawing.svg())


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30))
def test_any_text_is_text(text: str) -> None:
    drawing = Drawing()
    drawing.cell(0, 0, text, note=text)
    drawing.text(3, 4, text)
    root = parsed(drawing)
    assert {element.tag.partition("}")[2] for element in root.iter()} <= {"svg", "rect", "text"}
    written = [element.text for element in root.iter() if element.tag.endswith("text")]
    # XML has no way to write a few of the characters of Unicode apart from one another.
    assert [t.split() for t in written if t] == [text.split()] * len(written)


@given(
    st.lists(
        st.tuples(st.floats(-500, 500), st.floats(-500, 500), st.floats(5, 80)),
        min_size=1,
        max_size=6,
    )
)
def test_the_picture_contains_all_drawn_elements(cells: list[tuple[float, float, float]]) -> None:
    drawing = Drawing()
    for x, y, size in cells:
        drawing.cell(x, y, width=size, height=size)
    root = parsed(drawing)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    rects = [e.attrib for e in root.iter() if e.tag.endswith("rect")]
    assert len(rects) == len(cells)
    for r in rects:
        x, y, w, h = (float(r[key]) for key in ("x", "y", "width", "height"))
        assert left <= x <= x + w <= left + width + 0.1
        assert top <= y <= y + h <= top + height + 0.1


def test_an_empty_picture_is_a_picture() -> None:
    assert parsed(Drawing()).tag.endswith("svg")


# Rounded to two digits, the largest floats would be infinite.
@given(st.floats(-1e308, 1e308) | st.sampled_from([math.nan, math.inf, -math.inf]))
def test_numbers_are_rounded(value: float) -> None:
    text = number(value)
    assert len(text) <= 8
    if math.isfinite(value):
        assert math.isclose(float(text), value, rel_tol=0.051, abs_tol=0.0051)


@given(st.floats(allow_nan=True), st.floats(0, 1e6))
def test_shades_are_opacities(value: float, largest: float) -> None:
    style = shaded(value, largest)
    assert isinstance(style, CellStyle)
    assert 0.0 <= style.strength <= 1.0
