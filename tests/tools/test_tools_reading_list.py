"""The reading list of the tour: current line counts, and a limit of their total."""

from tools.blocks import with_block
from tools.reading_list import BLOCK, DOCUMENT, READING_LIST, table

AN_EVENING = 2600
"""Largest number of lines of the whole list."""


def test_the_tour_has_the_current_line_counts() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert with_block(text, BLOCK, table()) == text, "out of date: `hatch run counts`"


def test_the_list_is_short_enough_for_an_evening() -> None:
    assert len({one.path for one in READING_LIST}) == len(READING_LIST)
    total = sum(one.lines for one in READING_LIST)
    assert AN_EVENING - 400 <= total <= AN_EVENING
    assert f"| all of them | {total:,} |" in table()
