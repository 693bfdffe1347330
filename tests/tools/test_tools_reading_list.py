"""The reading list of the tour: the lines of its files, and no more than an evening takes."""

from tools.blocks import with_block
from tools.reading_list import BLOCK, DOCUMENT, READING_LIST, table

AN_EVENING = 2600
"""Lines."""


def test_the_tour_has_the_lines_of_today() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert with_block(text, BLOCK, table()) == text, "out of date: `hatch run counts`"


def test_an_evening_is_enough() -> None:
    assert len({one.path for one in READING_LIST}) == len(READING_LIST)
    total = sum(one.lines for one in READING_LIST)
    assert AN_EVENING - 400 <= total <= AN_EVENING
    assert f"| all of them | {total:,} |" in table()
