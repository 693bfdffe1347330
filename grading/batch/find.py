"""Submissions in a folder: clones, archives, and downloads of the platforms.

A download of Canvas, Moodle or Blackboard has several files of a learner; they are one submission,
which is named after the learner's id on the platform.
"""

import hashlib
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from grading.hand_ins.archives import ALLOWED, OTHER_SUFFIXES, is_archive, stem_of
from grading.hand_ins.names import Named, recognised
from grading.submissions.submission import Submission

GRADESCOPE_LIST = "submission_metadata.yml"
"""File of a Gradescope export with the submitters."""

MAX_LIST_BYTES = 20_000_000
"""Maximum size of this file, in bytes; Gradescope writes smaller ones."""


HOMEWORK = re.compile(
    r"(?:hw|homework|mod|module|minitorch|assignment|exercise|ex|lab|task|week)[\W_]*\d",
    re.IGNORECASE,
)
"""Names of folders that hold the homeworks of one learner instead of several learners."""


class BatchError(ValueError):
    """A folder cannot be graded; the message gives the reason."""


@dataclass(frozen=True)
class Entry:
    """One submission of a class.

    Attributes:
        name: The learner's id on the platform, or the name of the folder or archive; undecodable
            bytes are written as escapes.
        path: The path of its folder or archive.
        who: The submitters, if they are known.
        problem: Reason why it cannot be graded; empty otherwise.
        handed_in: Time of the hand-in in the platform's metadata, in ISO 8601; empty if unknown.
        platform: The platform whose id is the name; empty if there is none.
        more: Further folders and archives of the same hand-in.
    """

    name: str
    path: Path
    who: str = ""
    problem: str = ""
    handed_in: str = ""
    platform: str = ""
    more: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of its folders and archives."""
        return (self.path, *self.more)

    @property
    def key(self) -> str:
        """Unique name for files, of letters, digits and "-_."."""
        unique = self.name if self.platform else self.path.name
        return file_name(self.name, os.fsencode(unique))


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

    Each subfolder and each archive is a submission, except hidden ones. In the download of a
    platform, all files of a learner are one submission. Symbolic links are submissions that cannot
    be graded, because they may lead out of the folder. Other files are ignored.

    Raises:
        BatchError: The folder does not exist, or has no submissions.
    """
    if folder.is_file():
        command = f"python -m zipfile -e {shlex.quote(str(folder))} {shlex.quote(str(folder)[:-4])}"
        raise BatchError(
            f"{folder} is a file; unpack a download first, and name its folder"
            + f": {command}" * folder.name.lower().endswith(".zip")
        )
    if folder.is_dir() and _is_layout(folder):
        raise BatchError(f"{folder} is a single submission; grade it with --submission {folder}")
    try:
        entries = _visible(folder)
        while _is_wrapped(entries):
            folder = Path(entries[0].path)
            entries = _visible(folder)
    except OSError as error:
        raise BatchError(f"{folder} cannot be read: {error.strerror}") from None
    named = _recognised(entries)
    submitters = _gradescope_list(folder / GRADESCOPE_LIST)
    found = [_entry(each, submitters) for each in entries if _is_submission(each, named)]
    of_learner: dict[str, list[os.DirEntry[str]]] = {}
    for each in entries:
        if each.name in named and not each.is_symlink():
            of_learner.setdefault(named[each.name].identifier, []).append(each)
    found += [_of_learner(files, named) for files in of_learner.values()]
    if not found:
        raise BatchError(
            f"{folder} has no submissions; a batch is a folder with {ALLOWED} for each submission, "
            "or the unpacked download of Canvas, Moodle or Blackboard"
        )
    found.sort(key=lambda each: (os.fsencode(each.name), each.path))
    return list(_with_unique_keys(found))


def _visible(folder: Path) -> "list[os.DirEntry[str]]":
    entries = sorted(os.scandir(folder), key=lambda each: os.fsencode(each.name))
    return [each for each in entries if not each.name.startswith(".") and each.name != "__MACOSX"]


def _is_wrapped(entries: "Sequence[os.DirEntry[str]]") -> bool:
    """Return True for a single folder that contains the submissions of a class.

    Programs that unpack a download add such a folder. The folder of one learner, who may have
    handed in several homeworks, is a submission.
    """
    if len(entries) != 1 or not entries[0].is_dir(follow_symlinks=False) or _recognised(entries):
        return False
    folder = Path(entries[0].path)
    below = _visible(folder)
    if _recognised(below) or (folder / GRADESCOPE_LIST).is_file():
        return True
    inner = [
        each
        for each in below
        if not each.is_symlink()
        and (is_archive(each.name) or (each.is_dir() and Submission.all_in(Path(each.path))))
    ]
    homeworks = [each for each in inner if HOMEWORK.search(each.name)]
    return len(inner) > 1 and len(homeworks) < 2 and not _is_layout(folder)


def _is_layout(folder: Path) -> bool:
    """Return True for a folder that is a submission itself."""
    return any(each.root == folder.resolve() for each in Submission.all_in(folder))


def _recognised(entries: "Sequence[os.DirEntry[str]]") -> dict[str, Named]:
    """Return the parts of the names that a platform has written."""
    plain = [each for each in entries if not each.is_symlink()]
    return recognised(
        [each.name for each in plain if each.is_file()],
        [each.name for each in plain if each.is_dir()],
    )


def _is_submission(each: "os.DirEntry[str]", named: Mapping[str, Named]) -> bool:
    if each.is_symlink() or each.name in named:
        return each.is_symlink()
    return each.is_dir() or is_archive(each.name) or each.name.lower().endswith(OTHER_SUFFIXES)


def _entry(each: "os.DirEntry[str]", submitters: dict[str, tuple[str, str]]) -> Entry:
    name, problem = each.name, ""
    if each.is_symlink():
        problem = "is a symbolic link; replace it by the submission itself"
    elif not each.is_dir():
        name = stem_of(name)
        if not is_archive(each.name) or not each.is_file():
            problem = f"{shown(each.name)} cannot be unpacked; a submission is {ALLOWED}"
    who, handed_in = submitters.get(each.name, submitters.get(name, ("", "")))
    return Entry(shown(name), Path(each.path), who, problem, handed_in)


def _of_learner(files: "Sequence[os.DirEntry[str]]", named: Mapping[str, Named]) -> Entry:
    """Return the submission of a learner: of the last attempt, its folders and archives."""
    last = max(named[each.name].handed_in for each in files)
    attempt = [each for each in files if named[each.name].handed_in == last]
    work = [each for each in attempt if not named[each.name].is_text]
    usable = [Path(each.path) for each in work if each.is_dir() or is_archive(each.name)]
    about = named[attempt[0].name]
    problem = ""
    if not usable:
        names = [named[each.name].file or "a text" for each in work or attempt]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        problem = f"found {', '.join(map(shown, names[:5]))}{more}; a submission is {ALLOWED}"
    return Entry(
        name=shown(about.identifier),
        path=usable[0] if usable else Path(attempt[0].path),
        who=shown(about.learner),
        problem=problem,
        handed_in=last,
        platform=about.platform,
        more=tuple(usable[1:]),
    )


def _with_unique_keys(entries: list[Entry]) -> Iterator[Entry]:
    """Yield submissions with unique keys.

    Raises:
        BatchError: Two submissions have the same key.
    """
    taken: dict[str, str] = {}
    for entry in entries:
        # Some file systems ignore the case of letters.
        key = entry.key.lower()
        name = shown(entry.path.name)
        if key in taken:
            raise BatchError(
                f"two submissions are called {entry.key}: {taken[key]} and {name}; rename one of "
                "them, or move it out of the folder"
            )
        taken[key] = name
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
