"""Line numbers of the keys of a TOML file, for error messages.

`tomllib` reports lines of syntax errors only. This parser finds the lines of keys in valid files
with one key per line.
"""

import re
from collections import defaultdict

Key = tuple[str | int, ...]
"""Path to a value: names of tables and keys, and indices into arrays."""

HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?\s*(#.*)?")
ASSIGNMENT = re.compile(r"""\s*([\w.-]+|"[^"]*"|'[^']*')\s*=\s*(.*)""")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


class Positions:
    """Line numbers of the keys of a valid TOML file.

    Args:
        text: The text of the file.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Key, int] = {(): 1}
        self._read(text)

    def line(self, key: Key) -> int:
        """Return the line of a key; for a missing key, the line of the enclosing table."""
        while key not in self._lines:
            key = key[:-1]
        return self._lines[key]

    def _read(self, text: str) -> None:
        counts: defaultdict[Key, int] = defaultdict(int)
        table: Key = ()
        inside: Key | None = None  # The array that continues on the next line.
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
                        # A subtable belongs to the last table of an array of tables.
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
    """Return True if an array of strings ends in this line."""
    return "]" in STRING.sub("", line).partition("#")[0]
