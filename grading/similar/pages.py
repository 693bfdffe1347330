"""The similar pairs of a class as files.

index.html     the ranked pairs, and what was not compared
pairs.csv      the same pairs as a table
pair-001.html  the texts of a pair side by side
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from grading.reports.files import replace_file
from grading.reports.table import inert
from grading.similar.compare import MINIMUM, Pair, Work

INDEX, TABLE = "index.html", "pairs.csv"


@dataclass(frozen=True)
class Line:
    """A line of a compared text.

    Attributes:
        text: The text.
        parts: The numbers of the common parts that it belongs to, from 1.
        begins: The numbers of those that begin here.
    """

    text: str
    parts: tuple[int, ...]
    begins: tuple[int, ...]


def write_pages(folder: Path, works: Sequence[Work], pairs: Sequence[Pair]) -> Path:
    """Write the pairs to a folder; return the page with all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("pair-*.html"):
        old.unlink()
    rows = []
    for number, pair in enumerate(pairs, start=1):
        first, second = works[pair.first], works[pair.second]
        name = f"pair-{number:03}.html" if pair.parts else ""
        rows.append((name, first, second, pair.similarity))
        if name:
            columns = side_by_side(first.text, second.text, pair)
            page = _template("pair.html.j2").render(
                works=(first, second), columns=columns, similarity=pair.similarity, index=INDEX
            )
            replace_file(folder / name, page.encode("utf-8", "backslashreplace"))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["first", "second", "similarity", "page"])
    writer.writerows(
        [inert(first.name), inert(second.name), f"{similarity:.3f}", name]
        for name, first, second, similarity in rows
    )
    # Spreadsheets recognise UTF-8 by the byte-order mark.
    replace_file(folder / TABLE, text.getvalue().encode("utf-8-sig", "backslashreplace"))
    index = _template("index.html.j2").render(
        rows=rows,
        compared=sum(bool(work.text) and not work.is_earlier for work in works),
        earlier=sum(bool(work.text) and work.is_earlier for work in works),
        left_out=[work for work in works if work.problem],
        minimum=MINIMUM,
    )
    replace_file(folder / INDEX, index.encode("utf-8", "backslashreplace"))
    return folder / INDEX


def side_by_side(first: str, second: str, pair: Pair) -> tuple[list[Line], list[Line]]:
    """Return the lines of both texts with the numbers of their common parts.

    Longer parts come first; a part without a further line of either text is left out.
    """
    texts = (first, second)
    covered: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})
    begins: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})
    number = 0
    for part in sorted(pair.parts, key=lambda each: each[0][0] - each[0][1]):
        ranges = [_lines(text, *each) for text, each in zip(texts, part, strict=True)]
        if all(set(lines) <= known.keys() for lines, known in zip(ranges, covered, strict=True)):
            continue
        number += 1
        for lines, known, starts in zip(ranges, covered, begins, strict=True):
            starts.setdefault(lines.start, []).append(number)
            for line in lines:
                known.setdefault(line, []).append(number)
    left, right = (
        [
            Line(line, tuple(known.get(at, ())), tuple(starts.get(at, ())))
            for at, line in enumerate(text.split("\n"))
        ]
        for text, known, starts in zip(texts, covered, begins, strict=True)
    )
    return left, right


def _lines(text: str, start: int, end: int) -> range:
    """Return the lines of a range of characters, without blank lines at its ends."""
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    end = max(start + 1, start + len(part.strip()))
    return range(text.count("\n", 0, start), text.count("\n", 0, end - 1) + 1)


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
