"""Copying of a learner's work from one folder to the next: `hatch run sync PREVIOUS [TO]`.

The files that the learner changed or added in the previous folder are copied, as by the course's
`sync_previous_module`. If a file was changed in both folders, no file is copied. For a folder that
`hatch run scaffold` did not write, the handed-out files are unknown: then the files with written
functions of earlier modules count as changed, and the files that these import.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grading.scaffold.manifest import Manifest, NotATreeError, digest, work_in
from grading.submissions.submission import Submission, SubmissionError
from grading.submissions.syntax import parsed
from grading.tasks.model import Table, Task

KEPT = "before-sync"
"""Folder in TO with the overwritten files; "before-sync-2" is the second one."""

TESTS_OF_0_2 = "tests/test_operators.py"
"""Tests that a learner writes for task 0.2, which has no holes."""

LAYOUTS = {
    "packages": "the layout of this repository",
    "upstream": "the layout of the course, with minitorch/",
}
"""Descriptions of the layouts of submissions."""


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
        recognised: A description of each folder that `hatch run scaffold` did not write.
        kept: The folder with the overwritten files; None if no file of this kind existed.
    """

    copied: tuple[str, ...]
    same: tuple[str, ...]
    done: tuple[Task, ...]
    open: tuple[Task, ...]
    recognised: tuple[str, ...] = ()
    kept: Path | None = None


@dataclass
class Changes:
    """Differences between two folders.

    Attributes:
        copied: Contents of the files to copy, by path.
        same: Paths of the files that do not differ.
        conflicts: Paths of files that must not be overwritten, each with the reason.
    """

    copied: dict[str, bytes] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    conflicts: list[tuple[str, str]] = field(default_factory=list)


def recognised(folder: Path) -> Manifest | Submission:
    """Return the manifest of a folder, or its layout if `hatch run scaffold` did not write it.

    Raises:
        NotATreeError: The folder holds neither, or its manifest is damaged.
    """
    manifest = Manifest.find(folder)
    if manifest is not None:
        return manifest
    try:
        return Submission.at(folder)
    except SubmissionError as error:
        raise NotATreeError(f"{error}, nor a tree of `hatch run scaffold`") from None


def sync(previous: Path, to: Path, table: Table) -> SyncResult:
    """Copy a learner's work from one folder to another.

    Raises:
        NotATreeError: One of the folders does not hold code of the course.
        SyncError: The modules are in the wrong order, the layouts differ, or a file was changed in
            both folders.
    """
    before, now = recognised(previous), recognised(to)
    source, target = Submission.at(previous), Submission.at(to)
    if source.root == target.root:
        raise SyncError(
            f"PREVIOUS and TO are both {previous}; PREVIOUS has to be the tree of an earlier module"
        )
    if source.layout != target.layout:
        raise SyncError(
            f"{previous} has {LAYOUTS[source.layout]}, and {to} has {LAYOUTS[target.layout]}; "
            f"files of the one do not fit into the other. Continue in {LAYOUTS[source.layout]}: "
            "`hatch run grade --submission PATH` judges both. Or begin with a tree of "
            "`hatch run scaffold MODULE OUT --solved-before`"
        )
    if isinstance(before, Manifest) and isinstance(now, Manifest):
        if before.module >= now.module:
            raise SyncError(
                f"{previous} is a tree of module {before.module} and {to} one of module "
                f"{now.module}; work is copied from an earlier module to a later one"
            )
        earlier = [task for task in table.tasks if task.module <= before.module]
        changes = _changed(work_in(previous), work_in(to), before, now)
    else:
        last = now.module if isinstance(now, Manifest) else module_of(target, table)
        earlier = [task for task in table.tasks if task.module < last]
        manifest = now if isinstance(now, Manifest) else None
        changes = _written(source, target, earlier, manifest)
    earlier = [task for task in earlier if task.holes_in(target.layout)]
    if changes.conflicts:
        listed = "\n".join(f"  {path} {why}" for path, why in changes.conflicts)
        raise SyncError(
            f"no file was copied, because work in {to} would be overwritten:\n{listed}\n"
            "merge both versions of each file in the new tree, copy the result to the old tree, "
            "and sync again"
        )
    unknown = [
        (path, folder)
        for path, folder, known in ((previous, source, before), (to, target, now))
        if not isinstance(known, Manifest)
    ]
    kept = _copy(changes.copied, target.root, keep=bool(unknown))
    still_open = {task.id for task in earlier if target.open(task.holes_in(target.layout))}
    return SyncResult(
        tuple(changes.copied),
        tuple(changes.same),
        tuple(task for task in earlier if task.id not in still_open),
        tuple(task for task in earlier if task.id in still_open),
        tuple(
            f"{path} has {LAYOUTS[folder.layout]}, without a course.json"
            for path, folder in unknown
        ),
        kept,
    )


def module_of(submission: Submission, table: Table) -> int:
    """Return the module of a folder: that of its manifest, else the last one with its files."""
    manifest = Manifest.find(submission.root)
    if manifest is not None:
        return manifest.module
    numbers = [0]
    for task in table.tasks:
        holes = task.holes_in(submission.layout)
        if holes and len(submission.missing(holes)) < len(holes) and submission.locations(holes):
            numbers.append(task.module)
    return max(numbers)


def _changed(
    theirs: Mapping[str, bytes], ours: Mapping[str, bytes], before: Manifest, now: Manifest
) -> Changes:
    """Return the files that the learner changed in a tree, compared with the next tree."""
    found = Changes()
    for path, content in theirs.items():
        handed_out = before.files.get(path)
        if digest(content) == handed_out:
            continue  # The learner did not change this file.
        if path not in ours:
            found.copied[path] = content
        elif digest(ours[path]) == digest(content):
            found.same.append(path)
        elif digest(ours[path]) != now.files.get(path):
            found.conflicts.append((path, "was changed in both trees"))
        elif handed_out is not None and handed_out != now.files.get(path):
            found.conflicts.append((path, "has different starting versions in the two trees"))
        else:
            found.copied[path] = content
    return found


def _written(
    source: Submission, target: Submission, earlier: list[Task], now: Manifest | None
) -> Changes:
    """Return the files of a folder with written functions of earlier tasks, and their imports.

    Args:
        source: The folder with the work.
        target: The folder to which the work is copied.
        earlier: The tasks of earlier modules.
        now: The manifest of the target; None if it has none.
    """
    found = Changes()
    for path in _files_of_work(source, target, earlier):
        content = (source.root / path).read_bytes()
        file = target.root / path
        if not file.exists():
            found.copied[path] = content
        elif digest(file.read_bytes()) == digest(content):
            found.same.append(path)
        elif not file.resolve().is_relative_to(target.root):
            found.conflicts.append((path, f"is a link that leads out of {target.root}"))
        elif now is not None and digest(file.read_bytes()) != now.files.get(path):
            found.conflicts.append((path, "was changed in both trees"))
        elif lost := _written_in(target, path, earlier) - _written_in(source, path, earlier):
            names = ", ".join(sorted(hole.partition(":")[2] for hole in lost))
            found.conflicts.append((path, f"has functions that PREVIOUS lacks: {names}"))
        else:
            found.copied[path] = content
    return found


def _written_functions(submission: Submission, tasks: list[Task]) -> Iterator[tuple[str, str]]:
    """Yield the written functions of tasks, each with the path of its file."""
    for task in tasks:
        for hole in submission.named(task.holes_in(submission.layout)):
            at = submission.find(hole)
            if at is not None and not submission.open([hole]):
                yield hole, at.file


def _written_in(submission: Submission, path: str, tasks: list[Task]) -> set[str]:
    """Return the functions of tasks that are written in a file."""
    return {hole for hole, file in _written_functions(submission, tasks) if file == path}


def _files_of_work(source: Submission, target: Submission, earlier: list[Task]) -> Iterator[str]:
    """Yield the paths of files with written functions, and of the tests of task 0.2.

    They include the modules that these files import and that only the source has.
    """
    pending = [source.root / path for _, path in _written_functions(source, earlier)]
    if (source.root / TESTS_OF_0_2).is_file():
        pending.append(source.root / TESTS_OF_0_2)
    seen = set[Path]()
    while pending:
        file = pending.pop(0)
        if file not in seen and file.resolve().is_relative_to(source.root):
            seen.add(file)
            yield file.relative_to(source.root).as_posix()
            pending += _added_modules(file, source, target)


def _added_modules(file: Path, source: Submission, target: Submission) -> Iterator[Path]:
    """Yield the imported modules of a file that only the source has."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.ImportFrom):
            # The dots of a relative import begin at the package of the file.
            package = _package(file, source).split(".") if node.level else []
            package = package[: len(package) - node.level + 1]
            stem = ".".join([*package, *([node.module] if node.module else [])])
            names = [stem, *(f"{stem}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            found = source.source(name)
            if found is not None and target.source(name) is None:
                yield found


def _package(file: Path, source: Submission) -> str:
    """Return the dotted name of the package of a file; empty outside of the import paths."""
    for folder in source.import_paths:
        if file.is_relative_to(folder):
            return ".".join(file.parent.relative_to(folder).parts)
    return ""


def _copy(files: Mapping[str, bytes], to: Path, *, keep: bool) -> Path | None:
    """Write files, and return the folder with copies of the overwritten files.

    Without `keep`, or if no file existed, there are no copies, and the result is None.
    """
    overwritten = [path for path in files if keep and (to / path).exists()]
    kept = to / KEPT
    number = 2
    while overwritten and kept.exists():
        kept = to / f"{KEPT}-{number}"
        number += 1
    for path in overwritten:
        copy = kept / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((to / path).read_bytes())
    for path, content in files.items():
        file = to / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return kept if overwritten else None
