"""The pictures that code draws are the ones in the repository."""

import xml.etree.ElementTree as ET

import pytest

from tools.draw_package_graph import PICTURE, arrows, draw
from tools.workspace import read_packages

pytestmark = pytest.mark.docs


def test_the_package_graph_is_the_one_that_is_declared() -> None:
    current = PICTURE.read_text("utf-8") == draw(read_packages())
    assert current, "out of date: `hatch run draw`, then commit docs/images/package-graph.svg"


def test_the_package_graph_is_well_formed() -> None:
    assert ET.fromstring(PICTURE.read_text("utf-8")).tag.endswith("svg")


def test_an_arrow_is_left_out_where_a_longer_way_leads_to_the_same_package() -> None:
    always, _ = arrows(read_packages())
    assert ("mt-nn", "mt-autodiff") in always
    assert ("mt-autodiff", "mt-tensor") in always
    assert ("mt-nn", "mt-tensor") not in always
