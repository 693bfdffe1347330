"""`status`: the learner's progress, the next task, and the tasks that it unlocks."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

import click
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from grading.cli.choosing import opened_hand_in
from grading.cli.files import GivenPath
from grading.cli.stored_results import StoredResult, digest_of_sources, load_results
from grading.judge.exit_codes import OK
from grading.judge.functions import absent_groups
from grading.judge.records import Status
from grading.paths import ROOT
from grading.reports import words
from grading.reports.terminal import COLOURS, console, print_plainly
from grading.scaffold.earlier import open_in_tree, ways
from grading.scaffold.manifest import Manifest
from grading.scaffold.sync import module_of
from grading.submissions.submission import Submission
from grading.tasks.model import Table, Task
from grading.tasks.table import table

UNJUDGED = "◌"
"""Sign of a task without a result and without functions to write."""


@dataclass(frozen=True)
class TaskProgress:
    """The progress of a task.

    Attributes:
        task: The task.
        sign: The sign of its status.
        colour: The colour of its status.
        text: Its progress in words.
        score: Earned, judged and open points in words.
        points: Earned points.
        judged: Maximum points of what was judged.
        done: True if it passed when it was last judged.
        there: True if the submission contains its files.
    """

    task: Task
    sign: str
    colour: str
    text: str
    score: str
    points: float = 0.0
    judged: float = 0.0
    done: bool = False
    there: bool = True


@click.command()
@click.option(
    "--submission",
    type=GivenPath(path_type=Path),
    metavar="PATH",
    help="The folder or archive with the submission; this folder by default.",
)
def status(submission: Path | None) -> int:
    """Show the progress of all tasks, the next task, and the tasks that it unlocks.

    No code is run: results are those of the last `grade`, and stubs are found in the sources.
    """
    with opened_hand_in((submission or ROOT,), (), None) as hand_in:
        found = hand_in.submission
        progress = progress_of_tasks(found, table())
        missing = open_in_tree(found, table())
        remark = ways(missing, found, module_of(found, table())) if missing else ""
    print_plainly(console(), lambda on: show(progress, table(), on, remark))
    return OK


def progress_of_tasks(submission: Submission, tasks: Table) -> dict[str, TaskProgress]:
    """Return the progress of each task, by its id."""
    known = load_results(submission)
    sources = digest_of_sources(submission)
    progress = {
        task.id: _progress_of(task, submission, known.get(task.id), sources) for task in tasks.tasks
    }
    manifest = Manifest.find(submission.root)
    if manifest is not None and manifest.solved_before:
        for task in tasks.tasks:
            each = progress[task.id]
            if task.module < manifest.module and task.id not in known and each.sign == UNJUDGED:
                progress[task.id] = replace(each, text="handed out as it works", done=True)
    return progress


def next_tasks(progress: dict[str, TaskProgress], tasks: Table) -> list[Task]:
    """Return the tasks that can be started: not done, with all prerequisites done."""
    done = {each.task.id for each in progress.values() if each.done}
    return [
        task
        for task in tasks.tasks
        if task.id not in done
        and progress[task.id].there
        and task.checks.required
        and all(before.id in done for before in tasks.before(task))
    ]


def show(progress: dict[str, TaskProgress], tasks: Table, on: Console, remark: str = "") -> None:
    """Write the table of tasks, a remark on missing tasks, and the next task."""
    grid = Grid.grid(padding=(0, 2), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=5)
    grid.add_column(justify="right", no_wrap=True)
    for module in tasks.modules:
        of_module = tasks.in_module(module.number)
        judged = sum(progress[task.id].judged for task in of_module)
        points = sum(progress[task.id].points for task in of_module) if judged else None
        score = words.earned(points, judged, sum(task.points for task in of_module))
        title = Text(f"Module {module.number} · {module.title}", style="bold")
        grid.add_row("", title, "", Text(score, style="bold"))
        for task in of_module:
            each = progress[task.id]
            grid.add_row(
                Text(each.sign, style=f"bold {each.colour}"),
                Text(f"{task.id:<6}{task.title}"),
                Text(each.text, style="dim" if each.done or not each.there else each.colour),
                each.score,
            )
        grid.add_row()
    on.print(grid)
    if remark:
        on.print(Text(f"{remark}\n", style="yellow"))
    for line in _outlook(progress, tasks):
        on.print(line)


def _outlook(progress: dict[str, TaskProgress], tasks: Table) -> list[Text]:
    following = next_tasks(progress, tasks)
    if not following:
        if all(each.done or not each.task.checks.required for each in progress.values()):
            return [Text("Everything is done.", style="bold green")]
        return [Text("hatch run grade  judges the tasks of this submission", style="bold")]
    first, *others = following
    unlocked = ", ".join(f"{task.id} {task.title}" for task in tasks.unlocked_by(first))
    lines = [
        Text.assemble(("next      ", "dim"), (f"{first.id}  {first.title}", "bold")),
        Text.assemble(("read      ", "dim"), first.doc),
        Text.assemble(("judge it  ", "dim"), f"hatch run grade {first.marker}"),
    ]
    if unlocked:
        lines.append(Text.assemble(("unlocks   ", "dim"), unlocked))
    if others:
        also = ", ".join(f"{task.id} {task.title}" for task in others[:4])
        lines.append(Text.assemble(("or        ", "dim"), also))
    return lines


def _progress_of(
    task: Task, submission: Submission, known: StoredResult | None, sources: str
) -> TaskProgress:
    """Return the result of `grade` for unchanged sources, or the state of the sources."""
    if known is None or known.sources != sources:
        unwritten = _unwritten(task, submission)
        if unwritten is not None:
            return unwritten
    unjudged = _unjudged(task)
    if known is None:
        text = "not judged yet" if task.holes_in(submission.layout) else "nothing to write"
        return TaskProgress(task, UNJUDGED, "cyan", text, unjudged)
    result = known.result
    outcome = known.status.value if result is None else words.outcome(result)
    changed = "" if known.sources == sources else ", changed since"
    return TaskProgress(
        task=task,
        sign=words.SIGNS[known.status],
        colour=COLOURS[known.status],
        text=f"{outcome} · {_when(known.created)}{changed}",
        score=unjudged if result is None else words.score(result),
        points=known.points or 0.0,
        judged=(0.0 if known.points is None else task.points) if result is None else result.judged,
        done=known.status is Status.PASSED,
        there=known.status is not Status.NOT_THERE,
    )


def _unwritten(task: Task, submission: Submission) -> TaskProgress | None:
    """Return the progress of a task whose files are missing, invalid or have stubs; else None."""
    unjudged = _unjudged(task)
    absent = absent_groups(task, submission)
    if absent and len(absent) == len(task.groups):
        text = f"not there: {next(iter(absent.values()))}"
        return TaskProgress(task, "–", "dim", text, unjudged, there=False)
    holes = task.holes_in(submission.layout)
    if errors := submission.syntax_errors(holes):
        location, message = errors[0]
        file = PurePosixPath(location.file).name
        text = f"{file}:{location.line} is not valid Python: {message}"
        return TaskProgress(task, words.SIGNS[Status.FAILED], "red", text, unjudged)
    if empty := submission.empty(holes):
        text = f"{PurePosixPath(empty[0]).name} is empty"
        return TaskProgress(task, words.SIGNS[Status.FAILED], "red", text, unjudged)
    stubs = submission.open(holes)
    if not stubs:
        return None
    text = f"{len(stubs)} of {len(holes)} functions to write"
    return TaskProgress(task, "○", "yellow", text, unjudged)


def _unjudged(task: Task) -> str:
    """Return the points of a task without a result, in words."""
    return words.earned(None, 0.0, task.points) if task.points else ""


def _when(created: str) -> str:
    try:
        moment = datetime.fromisoformat(created).astimezone()
    except ValueError:
        return "unknown time"
    return f"{moment:%d %b %H:%M}"
