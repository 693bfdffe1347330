"""Copying of a learner's work from one tree to the next: `hatch run sync PREVIOUS [TO]`.

The files that the learner changed or added in the previous tree are copied, as by the course's
`sync_previous_module`. A file that was changed in both trees is a conflict; with any conflict, no
file is copied.
"""

from dataclasses import dataclass
from pathlib import Path

from grading.scaffold.manifest import Manifest, digest, work_in
from grading.submissions.submission import Submission
from grading.tasks.model import Table, Task


class SyncError(Exception):
    """No file was copied; the message gives the reason and a remedy."""


@dataclass(frozen=True)
class SyncResult:
    """The result of a sync.

    Attributes:
        copied: Paths of the copied files.
        same: Paths of changed files that both trees have with the same content.
        done: Tasks of earlier modules without open holes.
        open: Tasks of earlier modules with open holes.
    """

    copied: tuple[str, ...]
    same: tuple[str, ...]
    done: tuple[Task, ...]
    open: tuple[Task, ...]


def sync(previous: Path, to: Path, table: Table) -> SyncResult:
    """Copy a learner's work from one tree to another.

    Raises:
        NotATreeError: One of the folders is not a scaffold.
        SyncError: The modules are in the wrong order, or a file was changed in both trees.
    """
    before, now = Manifest.read(previous), Manifest.read(to)
    if previous.resolve() == to.resolve():
        raise SyncError(
            f"PREVIOUS and TO are both {previous}; PREVIOUS has to be the tree of an earlier module"
        )
    if before.module >= now.module:
        raise SyncError(
            f"{previous} is a tree of module {before.module} and {to} one of module {now.module}; "
            "work is copied from an earlier module to a later one"
        )
    theirs, ours = work_in(previous), work_in(to)
    copied, same, conflicts = {}, [], []
    for path, content in theirs.items():
        handed_out = before.files.get(path)
        if digest(content) == handed_out:
            continue  # The learner did not change this file.
        if path not in ours:
            copied[path] = content
        elif digest(ours[path]) == digest(content):
            same.append(path)
        elif digest(ours[path]) != now.files.get(path):
            conflicts.append((path, "was changed in both trees"))
        elif handed_out is not None and handed_out != now.files.get(path):
            conflicts.append((path, "has different starting versions in the two trees"))
        else:
            copied[path] = content
    if conflicts:
        listed = "\n".join(f"  {path} {why}" for path, why in conflicts)
        raise SyncError(
            f"no file was copied, because work in {to} would be overwritten:\n{listed}\n"
            "merge both versions of each file in the new tree, copy the result to the old tree, "
            "and sync again"
        )
    for path, content in copied.items():
        file = to / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    submission = Submission.at(to)
    earlier = [task for task in table.tasks if task.module <= before.module and task.holes]
    still_open = {task.id for task in earlier if submission.open(task.holes)}
    return SyncResult(
        tuple(copied),
        tuple(same),
        tuple(task for task in earlier if task.id not in still_open),
        tuple(task for task in earlier if task.id in still_open),
    )
