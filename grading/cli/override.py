"""`grade --override`: set points of a learner by hand, in the log of a class."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

import click

from grading.batch.store import Store
from grading.judge.exit_codes import OK
from grading.judge.records import Override
from grading.judge.text import clean_line
from grading.policy.load import MOST_POINTS, Course, PolicyError
from grading.policy.marks import hand_ins_and_learners
from grading.policy.overrides import LOG, Change, append_to_log
from grading.reports import words
from grading.tasks.model import Task

EXCUSED = "excused"
WITHDRAWN = "withdrawn"


def set_points(
    learner: str,
    tasks: Sequence[Task],
    *,
    out: Path | None,
    course: Course | None,
    group: str | None,
    points: str | None,
    reason: str | None,
    by: str | None,
) -> int:
    """Add an override to the log of a class; return the exit code.

    Args:
        learner: The learner.
        tasks: The task whose points are set; empty for the mark of the whole assignment.
        out: The results of the class.
        course: The policy with the names of the learners.
        group: The group of the task; None for the whole task.
        points: A number, "excused", or "withdrawn" to end an earlier override.
        reason: The reason.
        by: The instructor; by default the user of this machine.

    Raises:
        click.UsageError: A value is missing or not allowed.
    """
    folder = _folder(out)
    if course is None:
        raise click.UsageError("--override needs --policy FILE, which names the learners")
    if points is None:
        raise click.UsageError(f'--override needs --points N, "{EXCUSED}" or "{WITHDRAWN}"')
    if reason is None or not reason.strip():
        raise click.UsageError("--override needs --reason TEXT, which every report shows")
    if len(tasks) > 1:
        raise click.UsageError(
            "--override sets the points of one task, or without a task the mark of the whole "
            f"assignment; got {', '.join(task.marker for task in tasks)}"
        )
    task = tasks[0] if tasks else None
    _check_group(task, group)
    # An override can end after its learner has left the course.
    if points != WITHDRAWN:
        _check_learner(course, folder, learner)
    value = None if points in (EXCUSED, WITHDRAWN) else _number(points)
    override = Override(
        reason=clean_line(reason),
        by=clean_line(by or getpass.getuser()),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        task="" if task is None else task.id,
        group=group or "",
        points=value,
        excused=points == EXCUSED,
    )
    try:
        append_to_log(folder, Change(learner, override, points == WITHDRAWN))
    except PolicyError as error:
        raise click.UsageError(str(error)) from None
    what = "mark" if task is None else f"points of {task.id} {group or ''}".strip()
    shown = points if value is None else words.points(value)
    click.echo(f"{learner}: {what}: {shown}, by {override.by} at {override.at}: {override.reason}")
    click.echo(f"logged in {folder / LOG}; `hatch run regrade {folder} --policy FILE` applies it")
    return OK


def _folder(out: Path | None) -> Path:
    if out is None:
        raise click.UsageError("--override needs --out DIR, the results of the class")
    if not (out / "batch.json").is_file():
        raise click.UsageError(f"{out} has no results of a class; `grade --batch` writes them")
    return out


def _check_group(task: Task | None, group: str | None) -> None:
    if group is None:
        return
    if task is None:
        raise click.UsageError("--group needs a task: grade task0_1 --override …")
    names = [each.name for each in task.groups]
    if group not in names:
        raise click.UsageError(
            f"task {task.id} has no group {group!r}; it has {', '.join(map(repr, names))}"
        )


def _check_learner(course: Course, folder: Path, learner: str) -> None:
    try:
        _, learners = hand_ins_and_learners(course, Store(folder))
    except PolicyError as error:
        raise click.UsageError(str(error)) from None
    known = [each.name for each in learners]
    pair = next((each for each in course.policy.pairs if each.name == learner), None)
    if pair is not None and learner not in known:
        raise click.UsageError(
            f"{learner!r} is a pair; set the points of each member: {', '.join(pair.members)}"
        )
    if learner not in known:
        near = get_close_matches(learner, known, n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise click.UsageError(f"there is no learner {learner!r}{hint}")


def _number(points: str) -> float:
    try:
        value = float(points)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MOST_POINTS:
        raise click.UsageError(
            f'--points is a number from 0 to {MOST_POINTS}, "{EXCUSED}" or "{WITHDRAWN}"; '
            f"got {points!r}"
        )
    return value
