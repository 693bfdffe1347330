"""Patterns in the navigation.

An entry of `nav` such as `docs/decisions/*.md` is replaced by the matching files, sorted by name
with a README first. Empty sections are removed.
"""

from pathlib import Path
from typing import Any

Entry = Any
"""A path, or a dictionary of a title and a path or a list of entries."""


def expanded(entries: list[Entry], root: Path) -> list[Entry]:
    """Return the entries with patterns replaced by the matching files."""
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
