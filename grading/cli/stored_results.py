"""Stored results of earlier runs, which `status` shows without running code.

They are in `.grading/` at the root of the repository, with a digest of the sources: `status` marks
results of changed sources. Stored results have no effect on marks.
"""

import hashlib
import os
from pathlib import Path

import msgspec

from grading.batch.digest import contents, files
from grading.judge.records import Report, Status, TaskResult
from grading.paths import ROOT
from grading.reports.files import replace_file
from grading.submissions.submission import Submission

FOLDER = ".grading"
FILE = "results.json"
OTHERS = "submissions"
"""Folder in `FOLDER` with one file for each submission in another folder."""

MAX_OTHERS = 100
"""Maximum number of these files; the newest are kept."""


class StoredResult(msgspec.Struct, frozen=True):
    """Result of a task in the last run that judged it.

    Attributes:
        status: The status of the task.
        points: The earned points.
        created: Start of the run.
        sources: Digest of the judged sources.
        result: The record in the report; None in files of older versions.
    """

    status: Status
    points: float | None
    created: str
    sources: str
    result: TaskResult | None = None


def store_results(report: Report, submission: Submission) -> None:
    """Store the results of a run; errors of the file system are ignored.

    Tasks that were not part of the run keep their earlier results.
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
    """Return the stored results by task id; empty if the file is missing or invalid.

    For a submission with its own copy of the grader, that grader's results are the fallback.
    """
    for file in (_file(submission), submission.root / FOLDER / FILE):
        try:
            return msgspec.json.decode(file.read_bytes(), type=dict[str, StoredResult])
        except (OSError, msgspec.DecodeError):
            continue
    return {}


def _file(submission: Submission) -> Path:
    """Return the file with the results of a submission, always in this repository."""
    if submission.root == ROOT:
        return ROOT / FOLDER / FILE
    name = hashlib.sha256(str(submission.root).encode("utf-8", "surrogateescape")).hexdigest()
    return ROOT / FOLDER / OTHERS / f"{name[:16]}.json"


def _remove_oldest() -> None:
    files = sorted((ROOT / FOLDER / OTHERS).glob("*.json"), key=lambda file: file.stat().st_mtime)
    for file in files[:-MAX_OTHERS]:
        file.unlink(missing_ok=True)


def digest_of_sources(submission: Submission) -> str:
    """Return a digest of all Python sources and tests of a submission."""
    digest = hashlib.sha256()
    for folder in (*submission.import_paths, *submission.test_paths):
        for _, path in files(folder):
            if path.suffix == ".py":
                digest.update(os.fsencode(path.relative_to(submission.root)) + b"\0")
                digest.update(contents(path))
    return digest.hexdigest()
