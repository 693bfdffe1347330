"""Carrying what a learner has done from one tree to the next: `hatch run sync PREVIOUS [TO]`.

Whatever the learner changed or added in the previous tree is copied, file by file, as the course's
`sync_previous_module` does. A file that was worked on in both trees is a conflict; while there is
one, nothing at all is copied.
"""

from dataclasses import dataclass
from pathlib import Path

from grading.scaffold.manifest import Manifest, digest, work_in
from grading.submissions.submission import Submission
from grading.tasks.model import Table, Task


class SyncError(Exception):
    """Nothing was carried over; the message says why, and what to do."""


@dataclass(frozen=True)
class Carried:
    """What a sync did.

    Attributes:
        copied: The files that were copied.
        same: The files that were there already.
        done: The tasks of earlier modules whose holes are all filled in.
        open: The tasks of earlier modules that still have holes.
    """

    copied: tuple[str, ...]
    same: tuple[str, ...]
    done: tuple[Task, ...]
    open: tuple[Task, ...]


def sync(previous: Path, to: Path, table: Table) -> Carried:
    """Carry a learner's work from one tree to another.

    Raises:
        NotATreeError: One of them is not a scaffold.
        SyncError: They are in the wrong order, or a file was worked on in both.
    """
    before, now = Manifest.read(previous), Manifest.read(to)
    if previous.resolve() == to.resolve():
        raise SyncError(
            f"{previous} cannot be carried into itself; name the previous module's tree"
        )
    if before.module >= now.module:
        raise SyncError(
            f"{previous} is a tree of module {before.module} and {to} one of module {now.module}; "
            "work is carried from an earlier module to a later one"
        )
    theirs, ours = work_in(previous), work_in(to)
    copied, same, conflicts = {}, [], []
    for path, content in theirs.items():
        handed_out = before.files.get(path)
        if digest(content) == handed_out:
            continue  # The learner did nothing here.
        if path not in ours:
            copied[path] = content
        elif digest(ours[path]) == digest(content):
            same.append(path)
        elif digest(ours[path]) != now.files.get(path):
            conflicts.append((path, "was changed in both trees"))
        elif handed_out is not None and handed_out != now.files.get(path):
            conflicts.append((path, "is handed out in another version than before"))
        else:
            copied[path] = content
    if conflicts:
        listed = "\n".join(f"  {path} {why}" for path, why in conflicts)
        raise SyncError(
            f"nothing was copied, because work in {to} would be overwritten:\n{listed}\n"
            "compare the two files, put your work together in the new one, and copy it to the old "
            "one; then sync again"
        )
    for path, content in copied.items():
        file = to / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    submission = Submission.at(to)
    earlier = [task for task in table.tasks if task.module <= before.module and task.holes]
    still_open = {task.id for task in earlier if submission.open(task.holes)}
    return Carried(
        tuple(copied),
        tuple(same),
        tuple(task for task in earlier if task.id not in still_open),
        tuple(task for task in earlier if task.id in still_open),
    )
