"""Loading and validation of the table of tasks, `tasks.toml`.

An error in the table is reported with its line and key, so that other code can rely on valid tasks.
"""

import re
import tomllib
import warnings
from functools import cache
from pathlib import Path

import msgspec

from grading.paths import ROOT
from grading.tasks.model import Table
from grading.tasks.positions import Positions
from grading.tasks.validation import key_of, located, problems, with_allowed_values

PATH = ROOT / "grading" / "tasks.toml"


OLD_KEYS = {"spoils": "also_remove"}
"""New names of renamed keys. Release 0.2.0 accepts the old names, release 0.3.0 removes them."""


class TableError(Exception):
    """The table is invalid; the message names file, line and key."""


@cache
def table() -> Table:
    """Return the course's table."""
    return load(PATH)


def load(path: Path) -> Table:
    """Read a table.

    Warns:
        FutureWarning: The table uses the old name of a key.

    Raises:
        TableError: The file is not TOML, or the table is invalid.
    """
    text = _with_new_keys(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{path}: {error}") from None
    positions = Positions(text)
    try:
        read = msgspec.convert(content, Table)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        key = key_of(where, problem)
        raise TableError(located(path, positions, key, with_allowed_values(problem, key))) from None
    for key, problem in problems(read):
        raise TableError(located(path, positions, key, problem))
    return read


def _with_new_keys(path: Path) -> str:
    """Return the text of a table in which old names of keys are replaced."""
    text = path.read_text(encoding="utf-8")
    for old, new in OLD_KEYS.items():
        text, count = re.subn(rf"^{old}(?=\s*=)", new, text, flags=re.MULTILINE)
        if count:
            warnings.warn(
                f"{path}: the key `{old}` is now `{new}`; release 0.3.0 removes the old name",
                FutureWarning,
                stacklevel=3,
            )
    return text
