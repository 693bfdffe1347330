"""The navigation, with patterns in place of lists that grow.

An entry of `nav` such as `docs/decisions/*.md` stands for the files that match it, in the order of
their names, a README first. A section in which nothing is left vanishes.
"""

from pathlib import Path
from typing import Any

Entry = Any
"""A path, or a title with a path or with entries of its own."""


def expanded(entries: list[Entry], root: Path) -> list[Entry]:
    """Return the entries with files in place of patterns."""
    result: list[Entry] = []
    for entry in entries:
        if isinstance(entry, str):
            result += _matching(entry, root)
        elif isinstance(entry, dict):
            result += _section(entry, root)
        else:
            result.append(entry)
    return result


def _section(entry: dict[str, Entry], root: Path) -> list[Entry]:
    ((title, content),) = entry.items()
    if not isinstance(content, list):
        return [entry]
    below = expanded(content, root)
    return [{title: below}] if below else []


def _matching(pattern: str, root: Path) -> list[str]:
    if "*" not in pattern:
        return [pattern]
    found = sorted(root.glob(pattern), key=lambda file: (file.name != "README.md", file.name))
    return [file.relative_to(root).as_posix() for file in found]
