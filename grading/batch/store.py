"""Store of the results of a class, in a folder.

    batch.json          the seed and the settings of the class
    class.csv           one row for each submission
    same-failures.txt   submissions with the same failures
    similar/            submissions with similar functions, with `--similar`
    NAME/grade.json     the grade, with a digest of the graded contents
    NAME/report.json    the report, also as report.html
    NAME/output.txt     the end of the grader's output

Files are written atomically, `grade.json` last. Files that cannot be written, as on a full disk,
stay in memory, so that the results can be shown.
"""

from pathlib import Path
from typing import Literal

import msgspec

from grading.reports.files import replace_file

GRADE = "grade.json"
BATCH = "batch.json"
OUTPUT = "output.txt"
REPORT = "report.json"
PAGE = "report.html"

Outcome = Literal["graded", "no submission", "grader failed"]


class Grade(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The grade of a submission.

    Attributes:
        name: The name of the submission.
        outcome: "graded", or the reason why not.
        contents: Digest of the grader and of the submission.
        who: The submitters.
        reason: Details of the reason why it was not graded.
        seconds: Duration in seconds.
        code: The exit code of the grader.
        handed_in: Time of the hand-in in the platform's metadata, in ISO 8601.
        committed: Time of the last git commit, which its author sets.
        platform: The platform whose id of the learner is the name; empty if there is none.
    """

    name: str
    outcome: Outcome
    contents: str
    who: str = ""
    reason: str = ""
    seconds: float = 0.0
    code: int = 0
    handed_in: str = ""
    committed: str = ""
    platform: str = ""


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a class."""

    seed: int


class Store:
    """The store of the results of a class.

    Args:
        folder: The folder, which is created if necessary.

    Attributes:
        unsaved: A message for each path that could not be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unsaved: dict[Path, str] = {}
        self._in_memory: dict[tuple[str, str], bytes] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def seed(self, requested: int | None, drawn: int) -> int:
        """Store and return the seed: the requested, the stored or the drawn one, in this order."""
        seed = requested
        if seed is None:
            try:
                seed = msgspec.json.decode((self.folder / BATCH).read_bytes(), type=Batch).seed
            except (OSError, msgspec.DecodeError):
                seed = drawn
        replace_file(self.folder / BATCH, msgspec.json.encode(Batch(seed)))
        return seed

    def grade(self, key: str) -> Grade | None:
        """Return the grade of a submission; None if there is none."""
        try:
            content = (self.folder / key / GRADE).read_bytes()
            return msgspec.json.decode(content, type=Grade)
        except (OSError, msgspec.DecodeError):
            return None

    def grades(self) -> dict[str, Grade]:
        """Return all grades by key, in the order of the keys."""
        keys = sorted(path.parent.name for path in self.folder.glob(f"*/{GRADE}"))
        found = {key: self.grade(key) for key in keys}
        return {key: grade for key, grade in found.items() if grade is not None}

    def file(self, key: str, name: str) -> Path:
        """Return the path of a file of a submission."""
        return self.folder / key / name

    def read(self, key: str, name: str) -> bytes:
        """Return the contents of a file of a submission.

        Raises:
            OSError: There is no such file.
        """
        content = self._in_memory.get((key, name))
        return self.file(key, name).read_bytes() if content is None else content

    def write(self, path: Path, content: bytes) -> None:
        """Write a file; if that fails, store the message."""
        try:
            replace_file(path, content)
        except OSError as error:
            self.unsaved[path] = f"{path} cannot be written: {error.strerror or error}"
        else:
            self.unsaved.pop(path, None)

    def update(self, key: str, grade: Grade) -> None:
        """Replace the grade of a submission, and keep its files."""
        self.write(self.folder / key / GRADE, msgspec.json.encode(grade))

    def keep(self, key: str, grade: Grade, files: dict[str, bytes]) -> None:
        """Store the grade and the files of a submission."""
        folder = self.folder / key
        try:
            folder.mkdir(exist_ok=True)
            # An incomplete set of files must not have a grade.
            (folder / GRADE).unlink(missing_ok=True)
            for old in folder.iterdir():
                old.unlink()
            for name, content in files.items():
                replace_file(folder / name, content)
            replace_file(folder / GRADE, msgspec.json.encode(grade))
        except OSError as error:
            self.unsaved[folder] = f"{folder} cannot be written: {error.strerror or error}"
            self._in_memory |= {(key, name): content for name, content in files.items()}
