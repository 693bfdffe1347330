"""The table of tasks, read and checked: `tasks.toml` is the only place that knows them.

A mistake in the table is refused with the line and the key that it stands at, so that nothing
else has to ask whether a task is well formed.
"""

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from grading.paths import ROOT
from grading.tasks.model import Table
from grading.tasks.positions import Positions
from grading.tasks.validation import complaints, in_words, key_of, located

PATH = ROOT / "grading" / "tasks.toml"


class TableError(Exception):
    """The table says something that makes no sense; the message names file, line and key."""


@cache
def table() -> Table:
    """Return the course's table."""
    return load(PATH)


def load(path: Path) -> Table:
    """Read a table.

    Raises:
        TableError: The table is no TOML, or says something that makes no sense.
    """
    text = path.read_text(encoding="utf-8")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{path}: {error}") from None
    positions = Positions(text)
    try:
        read = msgspec.convert(content, Table)
    except msgspec.ValidationError as error:
        complaint, _, where = str(error).partition(" - at ")
        key = key_of(where, complaint)
        raise TableError(located(path, positions, key, in_words(complaint, key))) from None
    for key, complaint in complaints(read):
        raise TableError(located(path, positions, key, complaint))
    return read
