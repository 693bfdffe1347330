"""The submissions in a folder, as Git, GitHub Classroom and Gradescope leave them there."""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

GRADESCOPE_LIST = "submission_metadata.yml"
"""The file in an export of Gradescope that says whose submission is whose."""

MAX_LIST_BYTES = 20_000_000
"""Bytes. A longer list of a class was not written by Gradescope."""

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar")


class BatchError(ValueError):
    """A folder cannot be graded; the message says why."""


@dataclass(frozen=True)
class Entry:
    """One submission of a class.

    Attributes:
        name: The name of its folder; bytes that are no text are written as escapes.
        path: The folder.
        who: Whose it is, where a list tells.
        problem: Why it cannot be graded; empty if it can be tried.
    """

    name: str
    path: Path
    who: str = ""
    problem: str = ""

    @property
    def key(self) -> str:
        """A name for files: letters, digits, and what tells names apart that look alike."""
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.name).strip("-.")[:60]
        if plain == self.name:
            return plain
        digest = hashlib.sha256(os.fsencode(self.path.name)).hexdigest()[:8]
        return f"{plain or 'submission'}-{digest}"


def find_submissions(folder: Path) -> list[Entry]:
    """Return the submissions in a folder, in the order of their names.

    Each folder in it is one; so is each archive, which nobody unpacks here. Hidden ones are
    skipped, and files are not submissions. A link is one that cannot be graded: it might lead
    out of the folder.

    Raises:
        BatchError: There is no such folder, or nothing in it to grade.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda each: os.fsencode(each.name))
    except OSError as error:
        raise BatchError(f"{folder} cannot be read: {error.strerror}") from None
    whose = _gradescope_names(folder / GRADESCOPE_LIST)
    found = [_entry(each, whose) for each in entries if _is_submission(each)]
    if not found:
        raise BatchError(
            f"{folder} holds no submissions; a batch is a folder with one folder for each"
        )
    return list(_with_keys_of_their_own(found))


def _is_submission(each: "os.DirEntry[str]") -> bool:
    if each.name.startswith(".") or each.name == "__MACOSX":
        return False
    return each.is_symlink() or each.is_dir() or each.name.lower().endswith(ARCHIVES)


def _entry(each: "os.DirEntry[str]", whose: dict[str, str]) -> Entry:
    problem = ""
    if each.is_symlink():
        problem = "is a link; put the submission itself there"
    elif not each.is_dir():
        problem = "is an archive; unpack it into a folder first"
    return Entry(shown(each.name), Path(each.path), whose.get(each.name, ""), problem)


def _with_keys_of_their_own(entries: list[Entry]) -> Iterator[Entry]:
    """Refuse submissions whose files would overwrite those of another."""
    taken: set[str] = set()
    for entry in entries:
        # Some file systems take letters of both sizes for the same.
        key = entry.key.lower()
        if key in taken:
            raise BatchError(f"two submissions are called {entry.key}: rename one of them")
        taken.add(key)
        yield entry


def shown(name: str) -> str:
    """Return a file's name as text that can be printed and written anywhere."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _gradescope_names(file: Path) -> dict[str, str]:
    """Return the submitters by the name of their folder; none if the list cannot be read."""
    try:
        if file.is_symlink() or file.stat().st_size > MAX_LIST_BYTES:
            return {}
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(name): _submitters(about) for name, about in content.items()}


def _submitters(about: Any) -> str:
    people = about.get(":submitters") if isinstance(about, dict) else None
    names = [
        str(person.get(":email") or person.get(":sid") or person.get(":name") or "")
        for person in (people if isinstance(people, list) else [])
        if isinstance(person, dict)
    ]
    return " ".join(shown(name) for name in names if name)
