"""What earlier runs found out about the learner's own work, so that `status` need not run it.

It is kept in `.grading/` at the root of the repository, beside a digest of the sources: a result
of other sources is shown as such. Nobody is marked by it.
"""

import hashlib
from pathlib import Path

import msgspec

from grading.judge.records import Report, Status
from grading.reports.files import replace_file
from grading.submissions.submission import Submission

FOLDER = ".grading"
FILE = "results.json"


class Remembered(msgspec.Struct, frozen=True):
    """What became of a task, the last time it was judged.

    Attributes:
        status: The task's status.
        points: What it earned.
        created: When the run began.
        sources: The digest of the sources that were judged.
    """

    status: Status
    points: float | None
    created: str
    sources: str


def remember(report: Report, submission: Submission) -> None:
    """Keep what became of the tasks of a run; a folder that cannot be written is no reason to fail.

    Tasks that were not judged keep what was known before.
    """
    sources = digest_of_sources(submission)
    results = recall(submission)
    for task in report.tasks:
        if task.status.judged:
            results[task.id] = Remembered(task.status, task.points, report.created, sources)
    folder = submission.root / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        replace_file(folder / FILE, msgspec.json.format(msgspec.json.encode(results)))
    except OSError:
        return


def recall(submission: Submission) -> dict[str, Remembered]:
    """Return what is known of each task by its id; nothing if the file is missing or broken."""
    try:
        content = (submission.root / FOLDER / FILE).read_bytes()
        return msgspec.json.decode(content, type=dict[str, Remembered])
    except (OSError, msgspec.DecodeError):
        return {}


def digest_of_sources(submission: Submission) -> str:
    """Return a digest of every Python source of a submission."""
    digest = hashlib.sha256()
    for folder in submission.import_paths:
        for path in sorted(folder.rglob("*.py")):
            digest.update(_named(path, submission.root))
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _named(path: Path, root: Path) -> bytes:
    return path.relative_to(root).as_posix().encode("utf-8", "surrogateescape") + b"\0"
