"""Conversion of CommonMark to the dialect of Python-Markdown.

Code hosts render the documents as CommonMark, where the text of a list item is indented to its
first word. Python-Markdown requires four spaces per level.
"""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

MARKER = re.compile(r"\s*(?:[-*+]|\d+[.)])(?:\s+|$)")
WIDTH = 4


@dataclass(frozen=True)
class Item:
    """A list item.

    Attributes:
        first: Its first line, counted from 0.
        stop: The line after its last one.
        depth: The nesting level, 1 for a top-level list.
        column: The column at which its text begins.
    """

    first: int
    stop: int
    depth: int
    column: int


def adapted(text: str) -> str:
    r"""Return a CommonMark document with the indentation of Python-Markdown.

    >>> print(adapted("- one\n\n  more\n  - two\n"), end="")
    - one
    <BLANKLINE>
        more
        - two
    """
    lines = text.splitlines(keepends=True)
    items = _items(text, lines)
    moved = [_moved(line, number, items) for number, line in enumerate(lines)]
    return re.sub(r"^(\s*```\w+) fragment$", r"\1", "".join(moved), flags=re.MULTILINE)


def _items(text: str, lines: list[str]) -> list[Item]:
    items, depth = [], 0
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "list_item_open" and token.map is not None:
            depth += 1
            first, stop = token.map
            marker = MARKER.match(lines[first])
            items.append(Item(first, stop, depth, len(marker[0]) if marker else 0))
        elif token.type == "list_item_close":
            depth -= 1
    return items


def _moved(line: str, number: int, items: list[Item]) -> str:
    around = [item for item in items if item.first <= number < item.stop]
    if not around or not line.strip():
        return line
    item = max(around, key=lambda each: each.depth)
    indented = len(line) - len(line.lstrip(" "))
    if number == item.first:
        return " " * (WIDTH * (item.depth - 1)) + line.lstrip(" ")
    return " " * (WIDTH * item.depth + max(0, indented - item.column)) + line.lstrip(" ")
