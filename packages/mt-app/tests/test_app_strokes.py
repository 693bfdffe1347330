"""Strokes of a drawing as text and as a picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_app.strokes import BRUSH, LONGEST, SIDE, Stroke, paint, read_strokes

POINTS = st.tuples(st.integers(0, SIDE), st.integers(0, SIDE))
STROKES = st.builds(
    Stroke, st.lists(POINTS, min_size=1, max_size=5).map(tuple), erases=st.booleans()
)


def as_text(strokes: list[Stroke]) -> str:
    def two(number: int) -> str:
        return np.base_repr(number, 36).lower().zfill(2)

    return ".".join(
        ("-" if stroke.erases else "") + "".join(two(x) + two(y) for x, y in stroke.points)
        for stroke in strokes
    )


@given(st.lists(STROKES, max_size=4))
def test_strokes_are_read_from_their_text(strokes: list[Stroke]) -> None:
    assert list(read_strokes(as_text(strokes))) == strokes


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        strokes = read_strokes(text)
    except ValueError as error:
        assert str(error)
    else:
        assert as_text(list(strokes)) == text


@pytest.mark.parametrize("text", ["zzzz", "0", "....", "0a0b.", "0A0B", "0" * (LONGEST + 4)])
def test_invalid_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed are|not a list of points"):
        read_strokes(text)


@given(st.lists(STROKES, max_size=4))
def test_ink_is_near_the_points_of_strokes(strokes: list[Stroke]) -> None:
    drawn = [stroke for stroke in strokes if not stroke.erases]
    picture = paint(tuple(drawn))
    assert (picture is None) == (not drawn)
    if picture is not None:
        rows, columns = np.indices(picture.shape)
        for stroke in drawn:
            for x, y in stroke.points:
                near = (rows - y) ** 2 + (columns - x) ** 2 < (BRUSH / 2 - 2) ** 2
                assert (picture[near] == 255).all()


@given(STROKES)
def test_the_eraser_removes_a_stroke(stroke: Stroke) -> None:
    assert paint((Stroke(stroke.points), Stroke(stroke.points, erases=True))) is None
