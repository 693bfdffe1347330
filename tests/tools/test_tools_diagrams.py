"""The diagrams are up to date, and their texts are inside of the card and do not overlap."""

import xml.etree.ElementTree as ET

import pytest

from tools.diagrams.gallery import FOLDER, PICTURES
from tools.diagrams.packages import arrows
from tools.diagrams.picture import WIDTH, number
from tools.workspace import read_packages

pytestmark = pytest.mark.docs

each_picture = pytest.mark.parametrize("name", PICTURES)


@each_picture
def test_a_diagram_is_up_to_date(name: str) -> None:
    file = FOLDER / f"{name}.svg"
    current = file.exists() and file.read_text("utf-8") == PICTURES[name]().svg()
    assert current, f"out of date: `hatch run draw`, then commit {file.name}"


@each_picture
def test_a_diagram_has_a_description_for_screen_readers(name: str) -> None:
    root = ET.fromstring(PICTURES[name]().svg())
    assert root.tag.endswith("}svg")
    assert root[0].tag.endswith("}title")
    assert len((root[0].text or "").split()) >= 10, "the title must describe the picture"


@each_picture
def test_texts_stay_inside_and_apart(name: str) -> None:
    picture = PICTURES[name]()
    for text, left, top, right, bottom in picture.texts:
        assert left >= 4 and top >= 4, text
        assert right <= WIDTH - 4 and bottom <= picture.height - 4, text
    for i, (text, left, top, right, bottom) in enumerate(picture.texts):
        for other, left2, top2, right2, bottom2 in picture.texts[:i]:
            apart = right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top
            assert apart, f"{text!r} overlaps {other!r}"


def test_every_file_belongs_to_a_diagram() -> None:
    drawn = {FOLDER / f"{name}.svg" for name in PICTURES}
    patterns = ("tasks/*", "why/*", "tour.*", "package-graph.*")
    kept = {file for pattern in patterns for file in FOLDER.glob(pattern)}
    assert kept == drawn


def test_numbers_are_formatted_without_trailing_zeros() -> None:
    assert [number(x) for x in (1.0, -2.5, 0.333, -0.001)] == ["1", "−2.5", "0.33", "0"]


def test_redundant_arrows_are_left_out() -> None:
    always, with_extras = arrows(read_packages())
    assert ("mt-nn", "mt-autodiff") in always
    assert ("mt-autodiff", "mt-tensor") in always
    assert ("mt-nn", "mt-tensor") not in always
    assert ("mt-models", "mt-kernels-cuda") in with_extras
    # `mt-models[mpi]` installs `mt-nn[mpi]`; an arrow to mt-nn is there already.
    assert ("mt-models", "mt-nn") not in with_extras
    assert len(with_extras) == len(set(with_extras))
