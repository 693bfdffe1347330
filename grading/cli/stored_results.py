"""What earlier runs found out about submissions, so that `status` shows it and runs nothing.

It is kept in `.grading/` at the root of the repository, beside a digest of the sources: a result
of other sources is shown as such. Nobody is marked by it.
"""

import hashlib
from pathlib import Path

import msgspec

from grading.judge.records import Report, Status, TaskResult
from grading.paths import ROOT
from grading.reports.files import replace_file
from grading.submissions.submission import Submission

FOLDER = ".grading"
FILE = "results.json"
OTHERS = "submissions"
"""The folder in `FOLDER` with the results of submissions elsewhere, one file each."""

MAX_OTHERS = 100
"""How many of these files are kept: the newest."""


class StoredResult(msgspec.Struct, frozen=True):
    """What became of a task, the last time it was judged.

    Attributes:
        status: The task's status.
        points: What it earned.
        created: When the run began.
        sources: The digest of the sources that were judged.
        result: What the report said; None in files of versions that kept less.
    """

    status: Status
    points: float | None
    created: str
    sources: str
    result: TaskResult | None = None


def store_results(report: Report, submission: Submission) -> None:
    """Keep what became of the tasks of a run; a folder that cannot be written is no reason to fail.

    Tasks that were not part of the run keep what was known before.
    """
    sources = digest_of_sources(submission)
    results = load_results(submission)
    for task in report.tasks:
        results[task.id] = StoredResult(task.status, task.points, report.created, sources, task)
    file = _file(submission)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        (ROOT / FOLDER / ".gitignore").write_text("*\n", encoding="utf-8")
        replace_file(file, msgspec.json.format(msgspec.json.encode(results)))
        _remove_oldest()
    except OSError:
        return


def load_results(submission: Submission) -> dict[str, StoredResult]:
    """Return what is known of each task by its id; nothing if the file is missing or broken.

    A submission elsewhere may have brought its own results along, from the grader in it.
    """
    for file in (_file(submission), submission.root / FOLDER / FILE):
        try:
            return msgspec.json.decode(file.read_bytes(), type=dict[str, StoredResult])
        except (OSError, msgspec.DecodeError):
            continue
    return {}


def _file(submission: Submission) -> Path:
    """Return where the results of a submission are kept: never in somebody else's folder."""
    if submission.root == ROOT:
        return ROOT / FOLDER / FILE
    name = hashlib.sha256(str(submission.root).encode("utf-8", "surrogateescape")).hexdigest()
    return ROOT / FOLDER / OTHERS / f"{name[:16]}.json"


def _remove_oldest() -> None:
    files = sorted((ROOT / FOLDER / OTHERS).glob("*.json"), key=lambda file: file.stat().st_mtime)
    for file in files[:-MAX_OTHERS]:
        file.unlink(missing_ok=True)


def digest_of_sources(submission: Submission) -> str:
    """Return a digest of every Python source of a submission, with the learner's tests."""
    digest = hashlib.sha256()
    for folder in (*submission.import_paths, *submission.test_paths):
        for path in sorted(folder.rglob("*.py")):
            digest.update(_named(path, submission.root))
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _named(path: Path, root: Path) -> bytes:
    return path.relative_to(root).as_posix().encode("utf-8", "surrogateescape") + b"\0"
