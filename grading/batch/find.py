"""Submissions in a folder, in the layouts of Git and Gradescope."""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

GRADESCOPE_LIST = "submission_metadata.yml"
"""File of a Gradescope export with the submitters."""

MAX_LIST_BYTES = 20_000_000
"""Maximum size of this file, in bytes; Gradescope writes smaller ones."""

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar")


class BatchError(ValueError):
    """A folder cannot be graded; the message gives the reason."""


@dataclass(frozen=True)
class Entry:
    """One submission of a class.

    Attributes:
        name: The name of its folder; undecodable bytes are written as escapes.
        path: The path of its folder.
        who: The submitters, if they are known.
        problem: Reason why it cannot be graded; empty otherwise.
        handed_in: Time of the hand-in in the platform's metadata, in ISO 8601; empty if unknown.
    """

    name: str
    path: Path
    who: str = ""
    problem: str = ""
    handed_in: str = ""

    @property
    def key(self) -> str:
        """Unique name for files, of letters, digits and "-_."."""
        return file_name(self.name, os.fsencode(self.path.name))


def file_name(name: str, unique: bytes = b"") -> str:
    """Return a unique name for files, of letters, digits and "-_.".

    Args:
        name: A text; if it has only these characters and is short, it is the result.
        unique: Bytes that distinguish equal texts; by default those of the text.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:60]
    if plain == name:
        return plain
    digest = hashlib.sha256(unique or os.fsencode(name)).hexdigest()[:8]
    return f"{plain or 'submission'}-{digest}"


def find_submissions(folder: Path) -> list[Entry]:
    """Return the submissions in a folder, in the order of their names.

    Each subfolder is a submission, except hidden ones. Archives and symbolic links are submissions
    that cannot be graded: archives are not unpacked, and links may lead out of the folder. Other
    files are ignored.

    Raises:
        BatchError: The folder does not exist, or has no submissions.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda each: os.fsencode(each.name))
    except OSError as error:
        raise BatchError(f"{folder} cannot be read: {error.strerror}") from None
    submitters = _gradescope_list(folder / GRADESCOPE_LIST)
    found = [_entry(each, submitters) for each in entries if _is_submission(each)]
    if not found:
        raise BatchError(
            f"{folder} has no submissions; a batch is a folder with one subfolder per submission"
        )
    return list(_with_unique_keys(found))


def _is_submission(each: "os.DirEntry[str]") -> bool:
    if each.name.startswith(".") or each.name == "__MACOSX":
        return False
    return each.is_symlink() or each.is_dir() or each.name.lower().endswith(ARCHIVES)


def _entry(each: "os.DirEntry[str]", submitters: dict[str, tuple[str, str]]) -> Entry:
    problem = ""
    if each.is_symlink():
        problem = "is a symbolic link; replace it by the submission itself"
    elif not each.is_dir():
        problem = "is an archive; unpack it into a folder first"
    who, handed_in = submitters.get(each.name, ("", ""))
    return Entry(shown(each.name), Path(each.path), who, problem, handed_in)


def _with_unique_keys(entries: list[Entry]) -> Iterator[Entry]:
    """Yield submissions with unique keys.

    Raises:
        BatchError: Two submissions have the same key.
    """
    taken: set[str] = set()
    for entry in entries:
        # Some file systems ignore the case of letters.
        key = entry.key.lower()
        if key in taken:
            raise BatchError(f"two submissions are called {entry.key}: rename one of them")
        taken.add(key)
        yield entry


def shown(name: str) -> str:
    """Return a file's name as printable text."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _gradescope_list(file: Path) -> dict[str, tuple[str, str]]:
    """Return the submitters and the time by the name of their folder; empty without the file."""
    try:
        if file.is_symlink() or file.stat().st_size > MAX_LIST_BYTES:
            return {}
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(name): (_submitters(about), _time(about)) for name, about in content.items()}


def _time(about: Any) -> str:
    """Return the time of a hand-in, which YAML reads as a time or as text."""
    at = about.get(":created_at") if isinstance(about, dict) else None
    return at.isoformat() if isinstance(at, datetime) else shown(str(at or ""))[:60]


def _submitters(about: Any) -> str:
    people = about.get(":submitters") if isinstance(about, dict) else None
    names = [
        str(person.get(":email") or person.get(":sid") or person.get(":name") or "")
        for person in (people if isinstance(people, list) else [])
        if isinstance(person, dict)
    ]
    return " ".join(shown(name) for name in names if name)
