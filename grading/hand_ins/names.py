"""Learners and ids in the names of files and folders of a platform's download.

Everything after the id is the learner's choice, so the leftmost id of a name counts, and all names
of a download are read as names of one platform. Otherwise a file name could imitate the name of
another learner.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

Platform: TypeAlias = Literal["Canvas", "Moodle", "Blackboard"]

MOODLE = re.compile(
    r"(?P<learner>.*?)_(?P<id>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<file>.*))?",
    re.DOTALL,
)
"""`Jane Doe_4711_assignsubmission_file_`, a folder, or with a file's name at the end."""

MOODLE_WITHOUT_ID = re.compile(
    r"(?P<id>(?P<learner>[^_]+))_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL
)
"""The name without an id, of learners in no group: `Default group_assignsubmission_file_`."""

CANVAS = re.compile(
    r"(?P<learner>[\w\u0300-\u036f]+?)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)", re.DOTALL
)
"""`doejane_LATE_101_5001_hw4.zip`: name, late mark, id of the user, id of the file, file."""

CANVAS_TEXT = re.compile(
    r"(?P<learner>[\w\u0300-\u036f]+?)(?P<late>_LATE)?_(?P<id>\d+)_(?P<file>(?:text|link)\.html)"
)
"""`doejane_101_text.html`: a text or a URL instead of a file."""

CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?(?P<id>(?P<learner>anon)_[A-Za-z0-9]+)_"
    r"(?:\d+_(?P<file>.+)|(?P<text>(?:text|link)\.html))",
    re.DOTALL,
)
"""`anon_a1B2c_5001_hw4.zip`, with anonymous grading."""

BLACKBOARD = re.compile(
    r"(?P<head>.+?)_[^\W\d_]+_(?P<at>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|(?P<comment>\.txt))",
    re.DOTALL,
)
"""`Homework 4_jdoe_attempt_2030-10-08-23-59-00_hw4.zip`; "attempt" is translated."""

TIME = "%Y-%m-%d-%H-%M-%S"


@dataclass(frozen=True)
class Named:
    """The parts of a name in a download.

    Attributes:
        platform: The platform.
        identifier: The id: Canvas' number of the user, Moodle's number of the participant,
            Blackboard's user name.
        learner: The learner's name; empty if it is the id.
        file: The learner's name of the file; empty for a folder.
        handed_in: The time in ISO 8601, without an offset; empty if the name has none.
        is_text: True for a text or a comment of the learner instead of a file.
    """

    platform: Platform
    identifier: str
    learner: str
    file: str
    handed_in: str = ""
    is_text: bool = False


def recognised(files: Iterable[str], folders: Iterable[str] = ()) -> dict[str, Named]:
    """Return the parts of the names that a platform has written, by name.

    Args:
        files: The names of the files of a download.
        folders: The names of its folders, which only Moodle writes.
    """
    files, folders = list(files), list(folders)
    found: list[tuple[int, int, dict[str, Named]]] = []
    for of_files, of_folders in ((_canvas, None), (_moodle, _moodle_folder), (_blackboard, None)):
        parsed = of_files(files)
        if of_folders is not None:
            parsed = {**parsed, **of_folders(folders)}
        # On equal numbers the platform counts whose ids begin first.
        begins = sum(begin for begin, _ in parsed.values())
        found.append((-len(parsed), begins, {name: named for name, (_, named) in parsed.items()}))
    return min(found, key=lambda each: each[:2])[2]


Parsed: TypeAlias = "dict[str, tuple[int, Named]]"
"""By name: the position at which its id ends, and its parts."""


def _each(names: Iterable[str], parse: Callable[[str], tuple[int, Named] | None]) -> Parsed:
    # Some systems store letters with accents as two characters.
    parsed = {name: parse(unicodedata.normalize("NFC", name)) for name in names}
    return {name: found for name, found in parsed.items() if found is not None}


def _moodle(names: Iterable[str]) -> Parsed:
    return _each(names, lambda name: _parse_moodle(name, is_folder=False))


def _moodle_folder(names: Iterable[str]) -> Parsed:
    return _each(names, lambda name: _parse_moodle(name, is_folder=True))


def _parse_moodle(name: str, is_folder: bool) -> tuple[int, Named] | None:
    match = MOODLE.fullmatch(name) or MOODLE_WITHOUT_ID.fullmatch(name)
    if match is None or is_folder == bool(match["file"]):
        return None
    learner = "" if match["learner"] == match["id"] else match["learner"]
    is_text = match["plugin"] != "file"
    return match.end("id"), Named("Moodle", match["id"], learner, match["file"] or "", "", is_text)


def _canvas(names: Iterable[str]) -> Parsed:
    return _each(names, _parse_canvas)


def _parse_canvas(name: str) -> tuple[int, Named] | None:
    match = CANVAS_ANONYMOUS.fullmatch(name)
    if match is not None:
        file = match["file"] or match["text"]
        return match.end("id"), Named(
            "Canvas", match["id"], "", file, "", match["text"] is not None
        )
    match = CANVAS.fullmatch(name)
    is_text = match is None
    match = match or CANVAS_TEXT.fullmatch(name)
    if match is None or match["learner"] != match["learner"].lower():
        return None
    return match.end("id"), Named(
        "Canvas", match["id"], match["learner"], match["file"], "", is_text
    )


def _blackboard(names: Iterable[str]) -> Parsed:
    matches = {name: match for name in names if (match := BLACKBOARD.fullmatch(name))}
    users = _users({match["head"] for match in matches.values()})
    found: Parsed = {}
    for name, match in matches.items():
        try:
            at = datetime.strptime(match["at"], TIME).isoformat()
        except ValueError:
            continue
        user = users[match["head"]]
        is_text = match["comment"] is not None
        found[name] = (
            match.end("head"),
            Named("Blackboard", user, "", match["file"] or "", at, is_text),
        )
    return found


def _users(heads: Iterable[str]) -> Mapping[str, str]:
    """Return the user names of texts "ASSIGNMENT_USER".

    Both parts may contain underscores. All names of a download begin with the same assignment, so
    that different texts have different users.
    """
    heads = sorted(heads)
    if len(heads) < 2:
        return {head: head.rpartition("_")[2] or head for head in heads}
    parts = [head.split("_") for head in heads]
    shared = 0
    while all(len(each) > shared + 1 and each[shared] == parts[0][shared] for each in parts):
        shared += 1
    return {head: "_".join(each[shared:]) or head for head, each in zip(heads, parts, strict=True)}
