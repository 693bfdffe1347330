"""The pages of similar pairs: order, marked lines, hostile names."""

import csv
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from grading.similar.compare import Pair, Work
from grading.similar.pages import INDEX, TABLE, side_by_side, write_pages

WORKS = [
    Work("anna", "a = 1\nb = 2\n"),
    Work("=1+1", "c = 1\n<script>\n"),
    Work("2029/carl", "d = 1\n", is_earlier=True),
    Work("dora", "", "dora.zip is refused: <b>"),
]


def test_pairs_are_listed_in_their_order_with_a_page_each(tmp_path: Path) -> None:
    pairs = [Pair(0, 1, 0.9, (((0, 5), (0, 5)),)), Pair(0, 2, 0.6)]
    (tmp_path / "pair-007.html").touch()
    index = write_pages(tmp_path, WORKS, pairs).read_text("utf-8")
    assert index.index("0.90") < index.index("0.60")
    assert "no proof of copying" in index
    assert "is refused: &lt;b&gt;" in index
    assert "2 submissions were compared with each other, and with 1 of earlier years" in index
    assert sorted(each.name for each in tmp_path.iterdir()) == [INDEX, "pair-001.html", TABLE]
    page = (tmp_path / "pair-001.html").read_text("utf-8")
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert '<span class="common"><a id="a1" href="#b1">1</a>a = 1</span>' in page
    assert "<span>b = 2</span>" in page
    with (tmp_path / TABLE).open(encoding="utf-8-sig", newline="") as table:
        rows = [*csv.DictReader(table)]
    assert [(row["first"], row["second"], row["similarity"]) for row in rows] == [
        ("anna", "'=1+1", "0.900"),
        ("anna", "2029/carl", "0.600"),
    ]


@given(st.text("ab\n ", min_size=1, max_size=40), st.data())
def test_every_character_of_a_part_is_in_a_marked_line(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    left, right = side_by_side(text, text, Pair(0, 1, 1.0, (((start, end), (start, end)),)))
    assert left == right
    assert [line.text for line in left] == text.split("\n")
    marked = [bool(line.parts) for line in left]
    for at in range(start, end):
        if not text[at].isspace():
            assert marked[text.count("\n", 0, at)]


def test_a_part_inside_a_longer_one_is_left_out() -> None:
    text = "one\ntwo\nthree\nfour\n"
    parts = (((4, 7), (4, 7)), ((0, 13), (0, 13)))
    left, _ = side_by_side(text, text, Pair(0, 1, 1.0, parts))
    assert [line.parts for line in left] == [(1,), (1,), (1,), (), ()]
    assert left[0].begins == (1,)
