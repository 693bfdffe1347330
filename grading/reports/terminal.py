"""Report for a terminal; for a file or a pipe, the same text without colours."""

import shlex
from collections.abc import Callable, Iterable

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from grading.judge.records import (
    CheckResult,
    Fault,
    Hole,
    Report,
    SpeedResult,
    Status,
    TaskResult,
)
from grading.judge.values import MARKED
from grading.judge.version import UNKNOWN
from grading.paths import ROOT
from grading.reports import words

COLOURS = {
    Status.PASSED: "green",
    Status.FAILED: "red",
    Status.UNIMPLEMENTED: "yellow",
    Status.PARTLY: "green",
    Status.NOT_JUDGED: "bright_black",
    Status.NOT_THERE: "bright_black",
    Status.ERROR: "magenta",
    Status.HIDDEN: "bright_black",
}

MAX_COLUMNS = 120
"""Maximum width of a report, in columns."""

MAX_VALUE_LINES = 12
"""Maximum number of lines of a value without `-v`."""

MAX_EXPLAINED = 2
"""Maximum number of explained failures of a task without `-v`."""


def console(width: int | None = None) -> Console:
    """Return a console on the standard output.

    Args:
        width: Width in columns; the terminal's width by default.
    """
    made = Console(width=width, highlight=False, markup=False, emoji=False)
    if made.width > MAX_COLUMNS:
        made = Console(width=MAX_COLUMNS, highlight=False, markup=False, emoji=False)
    return made


def show(report: Report, on: Console, verbose: bool = False) -> None:
    """Write a report to a console."""
    print_plainly(on, lambda to: _show(report, to, verbose))


def print_plainly(on: Console, write: Callable[[Console], None]) -> None:
    """Call a function that writes to a console; strip trailing blanks for files and pipes."""
    with on.capture() as captured:
        write(on)
    text = captured.get()
    if not on.is_terminal:
        text = "\n".join(line.rstrip() for line in text.split("\n"))
    on.file.write(text)
    on.file.flush()


def _show(report: Report, on: Console, verbose: bool) -> None:
    on.print()
    if len(report.tasks) == 1:
        on.print(_task(report.tasks[0], verbose=verbose, checks=True))
    else:
        on.print(_card(report))
        for task in report.tasks:
            if _is_explained(task) or verbose:
                on.print(_task(task, verbose=verbose, checks=verbose))
    on.print(_footer(report))


def _is_explained(task: TaskResult) -> bool:
    if task.failures or task.measurements or task.remarks:
        return True
    if task.points is not None and task.judged < task.max_points:
        return True
    return any(each.status.bad for each in task.speed)


def _card(report: Report) -> RenderableType:
    """Return a table with one line per task, grouped by modules."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=6)
    table.add_column(ratio=6)
    table.add_column(justify="right", no_wrap=True)
    for number, title in report.modules.items():
        tasks = report.in_module(number)
        if not tasks:
            continue
        table.add_row(
            "",
            Text(f"Module {number} · {title}", style="bold"),
            "",
            Text(words.module_score(tasks), style="bold"),
        )
        for task in tasks:
            table.add_row(
                _sign(task.status),
                Text(f"{task.id:<6}{task.title}"),
                Text(words.outcome(task), style=_quiet(task.status)),
                Text(words.score(task), style=COLOURS[task.status]),
            )
        table.add_row()
    return table


def _task(task: TaskResult, *, verbose: bool, checks: bool) -> RenderableType:
    """Return a task with its checks and explanations of failures."""
    parts: list[RenderableType] = [_headline(task)]
    if len(task.groups) > 1:
        parts.append(_groups(task))
    if task.status is Status.UNIMPLEMENTED and not verbose:
        parts += [_open(hole) for hole in task.holes if hole.open]
        parts.append(_labelled("read", task.doc))
        checks = False
    parts += _checks(task, verbose=verbose, everything=checks)
    parts += [_speed(each) for each in task.speed]
    parts += [_remark(words.measured(each)) for each in task.measurements]
    parts += [_remark(remark) for remark in task.remarks]
    return Padding(Group(*parts), (0, 0, 1, 0))


def _checks(task: TaskResult, *, verbose: bool, everything: bool) -> Iterable[RenderableType]:
    """Yield the checks of a task, required ones first; equal faults are explained once."""
    explained: set[tuple[str, str]] = set()
    hidden = 0
    for check in (*task.required, *task.advice):
        fault = check.fault
        if task.status is Status.UNIMPLEMENTED and check.status is task.status and not verbose:
            continue
        if not everything and (not check.status.bad or (check.required is False and explained)):
            continue
        yield _check_line(check)
        if fault is None or not check.status.bad:
            continue
        key = (fault.sentence, fault.place)
        if key in explained and not verbose:
            yield Padding(Text("as above", style="dim"), (0, 0, 0, 6))
        elif len(explained) < MAX_EXPLAINED or verbose:
            explained.add(key)
            yield Padding(_fault(check, task, verbose), (0, 0, 1, 6))
        else:
            hidden += 1
            yield Padding(Text(fault.sentence, style="red"), (0, 0, 0, 6))
    if hidden:
        yield _remark("-v explains every failure")


def _groups(task: TaskResult) -> RenderableType:
    """Return a table with one line per group: status, name, points and reason."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    for group in task.groups:
        table.add_row(_sign(group.status), Text(group.name), words.score(group), group.reason)
    return Padding(table, (0, 0, 0, 3))


def _open(hole: Hole) -> RenderableType:
    return _labelled("write", f"{hole.function} in {hole.place}")


def _labelled(label: str, text: str) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    row.add_column(style="dim", width=9)
    row.add_column(overflow="fold")
    row.add_row(label, Text(text))
    return Padding(row, (0, 0, 0, 3))


def _remark(text: str) -> RenderableType:
    return Padding(Text(text, style="dim"), (0, 0, 0, 3))


def _headline(task: TaskResult) -> RenderableType:
    row = Table.grid(padding=(0, 2), expand=True)
    row.add_column()
    row.add_column(ratio=1)
    row.add_column(justify="right", no_wrap=True)
    name = Text(f"{task.id}  {task.title}", style="bold")
    name.append(f"   {words.outcome(task)}", style=f"not bold {COLOURS[task.status]}")
    row.add_row(
        _sign(task.status), name, Text(words.score(task), style=f"bold {COLOURS[task.status]}")
    )
    return row


def _check_line(check: CheckResult) -> RenderableType:
    row = Table.grid(padding=(0, 2), expand=True)
    row.add_column(no_wrap=True)
    row.add_column(ratio=1)
    row.add_column(justify="right", no_wrap=True)
    name = Text(words.check_name(check))
    if not check.required:
        name.append("  advice", style="cyan")
    if check.reason and (check.status is not Status.PASSED or check.required):
        name.append(f": {check.reason}", style="dim")
    spent = Text(words.seconds(check.seconds) if check.seconds >= 0.05 else "", style="dim")
    row.add_row(_sign(check.status, check.required), name, spent)
    return Padding(row, (0, 0, 0, 3))


def _fault(check: CheckResult, task: TaskResult, verbose: bool) -> RenderableType:
    fault = check.fault
    assert fault is not None
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _rows(fault, check, task):
        text = Text(value if verbose else _few_lines(value))
        if label in ("expected", "received"):
            text.highlight_regex(MARKED, style="bold red")
        if label == "likely cause":
            text.stylize("bold yellow")
        table.add_row(label, text)
    return Group(Text(fault.sentence, style="red"), table)


def _rows(fault: Fault, check: CheckResult, task: TaskResult) -> Iterable[tuple[str, str]]:
    """Yield the labelled parts of a fault, the most useful first."""
    line = f"{fault.place}  {fault.excerpt}".rstrip() if fault.place else ""
    if fault.function:
        line = f"{fault.function} in {fault.place}"
    rows = {
        "likely cause": fault.cause,
        "what is known": fault.known,
        "expected": fault.expected,
        "received": fault.received,
        "marks": words.marks(fault),
        "input": fault.request,
        "message": fault.details,
        "second run": check.again,
        "location": line or "\n".join(words.possible_locations(task, check)),
        "read": task.doc,
    }
    return ((label, value) for label, value in rows.items() if value)


def _few_lines(value: str) -> str:
    lines = value.splitlines()
    if len(lines) <= MAX_VALUE_LINES:
        return value
    return "\n".join([*lines[:MAX_VALUE_LINES], f"… {len(lines) - MAX_VALUE_LINES} more lines"])


def _speed(each: SpeedResult) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    row.add_column(no_wrap=True)
    row.add_column()
    text = Text(f"speed of {each.workload}")
    if each.ratio is not None:
        text.append(f": {each.ratio:.2g} × the time of {each.unit}", style=_quiet(each.status))
        if each.low is not None and each.high is not None:
            text.append(f" ({each.low:.2g} – {each.high:.2g})", style="dim")
    if each.allowed is not None:
        text.append(f", at most {each.allowed:g} × allowed", style="dim")
    if each.reference is not None:
        text.append(f"; {each.reference:.2g} × the time of the reference solution", style="dim")
    if each.remark:
        text.append(f"; {each.remark}", style="dim")
    row.add_row(_sign(each.status), text)
    return Padding(row, (0, 0, 0, 3))


def _footer(report: Report) -> RenderableType:
    bad = any(task.status.bad for task in report.tasks)
    style = "bold red" if bad else "bold green"
    if report.errors:
        style = "bold magenta"
    parts: list[RenderableType] = [
        Rule(style="dim"),
        Text.assemble((words.summary(report), style), "   ", (words.total(report), "bold")),
    ]
    isolation = f"isolation: {report.isolation.level}"
    run = [words.seconds(report.seconds)] if report.seconds else []
    run += [isolation, "" if report.grader in ("", UNKNOWN) else f"grader {report.grader}"]
    run = [words.seed(report), *(text for text in run if text)]
    parts.append(Text(" · ".join(run), style="dim"))
    versions = (f"{name} {version}" for name, version in words.versions(report).items())
    parts.append(Text(" · ".join(versions), style="dim"))
    about = [*words.hand_in(report), *words.marked(report)]
    parts += [_labelled(label, text) for label, text in about]
    parts += [Text(f"not defended: {each}", style="dim") for each in report.isolation.missing]
    parts += [Text(f"error of the grader: {each}", style="magenta") for each in report.errors[:5]]
    failed = [task.marker for task in report.tasks if task.status is Status.FAILED]
    if failed and report.seed is not None:
        again = " ".join(failed)
        command = f"hatch run grade {again} --seed {report.seed}"
        if report.submission.path != str(ROOT):
            command += f" --submission {shlex.quote(report.submission.path)}"
        parts.append(Text.assemble(("repeat with the same inputs: ", "dim"), command))
    return Group(*parts)


def _sign(status: Status, required: bool = True) -> Text:
    colour = COLOURS[status] if required or status is Status.PASSED else "cyan"
    return Text(words.SIGNS[status], style=f"bold {colour}")


def _quiet(status: Status) -> str:
    return "" if status.bad else "dim"
