"""What is known about each submission of a class, kept in a folder.

    batch.json          the seed and the settings of the class
    class.csv           one row for each submission
    similar.txt         submissions that go wrong in the same way
    NAME/grade.json     what became of it, and for which contents
    NAME/report.json    the report, also as report.html
    NAME/output.txt     the end of what the grader printed

A file is there whole or not at all, whenever the power fails; `grade.json` is written last.
"""

from pathlib import Path
from typing import Literal

import msgspec

from grading.reports.files import replace_file

GRADE = "grade.json"
BATCH = "batch.json"
OUTPUT = "output.txt"

Outcome = Literal["graded", "no submission", "grader failed"]


class Grade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of a submission.

    Attributes:
        name: What the submission is called.
        outcome: Whether it was graded.
        contents: The digest of the submission and of the grader.
        who: Whose it is.
        reason: Why it was not graded.
        seconds: How long it took.
        code: The exit code of the grader.
    """

    name: str
    outcome: Outcome
    contents: str
    who: str = ""
    reason: str = ""
    seconds: float = 0.0
    code: int = 0


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for a whole class."""

    seed: int


class Store:
    """The folder with the results.

    Args:
        folder: It is made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def seed(self, given: int | None, drawn: int) -> int:
        """Return the seed of the class: the given one, the one of an earlier run, or a new one."""
        seed = given
        if seed is None:
            try:
                seed = msgspec.json.decode((self.folder / BATCH).read_bytes(), type=Batch).seed
            except (OSError, msgspec.DecodeError):
                seed = drawn
        replace_file(self.folder / BATCH, msgspec.json.encode(Batch(seed)))
        return seed

    def grade(self, key: str) -> Grade | None:
        """Return what became of a submission; None if nobody knows."""
        try:
            content = (self.folder / key / GRADE).read_bytes()
            return msgspec.json.decode(content, type=Grade)
        except (OSError, msgspec.DecodeError):
            return None

    def file(self, key: str, name: str) -> Path:
        """Return where a file of a submission is."""
        return self.folder / key / name

    def keep(self, key: str, grade: Grade, files: dict[str, bytes]) -> None:
        """Keep what became of a submission."""
        folder = self.folder / key
        folder.mkdir(exist_ok=True)
        # Until the last file is there, nothing is known.
        (folder / GRADE).unlink(missing_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, content in files.items():
            replace_file(folder / name, content)
        replace_file(folder / GRADE, msgspec.json.encode(grade))
