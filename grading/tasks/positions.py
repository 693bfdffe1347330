"""Where the keys of a TOML file stand, for messages about them.

`tomllib` names the line of what it cannot read, and forgets the lines of what it can. This finds
them again, in files that write one key a line.
"""

import re
from collections import defaultdict

Key = tuple[str | int, ...]
"""The way to a value: names of tables and keys, and indices into arrays."""

HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?\s*(#.*)?")
ASSIGNMENT = re.compile(r"""\s*([\w.-]+|"[^"]*"|'[^']*')\s*=\s*(.*)""")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


class Positions:
    """The line of each key of a file that `tomllib` could read.

    Args:
        text: What the file says.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Key, int] = {(): 1}
        self._read(text)

    def line(self, key: Key) -> int:
        """Return the line of a key; of a key that is missing, the line of what it belongs to."""
        while key not in self._lines:
            key = key[:-1]
        return self._lines[key]

    def _read(self, text: str) -> None:
        counts: defaultdict[Key, int] = defaultdict(int)
        table: Key = ()
        inside: Key | None = None  # The array whose elements the following lines hold.
        for number, line in enumerate(text.splitlines(), start=1):
            if inside is not None:
                self._elements(inside, line, number)
                inside = None if _ends_array(line) else inside
            elif header := HEADER.fullmatch(line):
                *outer, last = header[2].strip().split(".")
                table = ()
                for name in outer:
                    table = (*table, name)
                    if counts[table]:
                        # A table below an array of tables belongs to the last one of these.
                        table = (*table, counts[table] - 1)
                table = (*table, last)
                self._lines.setdefault(table, number)
                if header[1] == "[[":
                    counts[table] += 1
                    table = (*table, counts[table] - 1)
                self._lines.setdefault(table, number)
            elif assignment := ASSIGNMENT.fullmatch(line):
                key = (*table, *assignment[1].strip("\"'").split("."))
                self._lines[key] = number
                if assignment[2].startswith("["):
                    self._elements(key, assignment[2], number)
                    inside = None if _ends_array(assignment[2]) else key

    def _elements(self, array: Key, line: str, number: int) -> None:
        known = sum(1 for key in self._lines if key[:-1] == array)
        for i, _ in enumerate(STRING.findall(line)):
            self._lines[(*array, known + i)] = number


def _ends_array(line: str) -> bool:
    """Return whether an array of strings ends in a line."""
    return "]" in STRING.sub("", line).partition("#")[0]
