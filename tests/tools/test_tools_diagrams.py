"""The diagrams are those that code draws, and nothing in them leaves the card."""

import xml.etree.ElementTree as ET

import pytest

from tools.diagrams.gallery import FOLDER, PICTURES
from tools.diagrams.packages import arrows
from tools.diagrams.picture import WIDTH, number
from tools.workspace import read_packages

pytestmark = pytest.mark.docs

each_picture = pytest.mark.parametrize("name", PICTURES)


@each_picture
def test_a_diagram_is_the_one_that_is_drawn(name: str) -> None:
    file = FOLDER / f"{name}.svg"
    current = file.exists() and file.read_text("utf-8") == PICTURES[name]().svg()
    assert current, f"out of date: `hatch run draw`, then commit {file.name}"


@each_picture
def test_a_diagram_is_told_to_those_who_cannot_see_it(name: str) -> None:
    root = ET.fromstring(PICTURES[name]().svg())
    assert root.tag.endswith("}svg")
    assert root[0].tag.endswith("}title")
    assert len((root[0].text or "").split()) >= 10, "a sentence that says what is to be seen"


@each_picture
def test_texts_stay_inside_and_apart(name: str) -> None:
    picture = PICTURES[name]()
    for text, left, top, right, bottom in picture.texts:
        assert left >= 4 and top >= 4, text
        assert right <= WIDTH - 4 and bottom <= picture.height - 4, text
    for i, (text, left, top, right, bottom) in enumerate(picture.texts):
        for other, left2, top2, right2, bottom2 in picture.texts[:i]:
            apart = right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top
            assert apart, f"{text!r} lies on {other!r}"


def test_no_diagram_is_left_behind() -> None:
    drawn = {FOLDER / f"{name}.svg" for name in PICTURES}
    patterns = ("tasks/*", "why/*", "tour.*", "package-graph.*")
    kept = {file for pattern in patterns for file in FOLDER.glob(pattern)}
    assert kept == drawn


def test_numbers_are_as_short_as_they_can_be() -> None:
    assert [number(x) for x in (1.0, -2.5, 0.333, -0.001)] == ["1", "−2.5", "0.33", "0"]


def test_an_arrow_is_left_out_where_a_longer_way_leads_to_the_same_package() -> None:
    always, _ = arrows(read_packages())
    assert ("mt-nn", "mt-autodiff") in always
    assert ("mt-autodiff", "mt-tensor") in always
    assert ("mt-nn", "mt-tensor") not in always
