"""Words and signs for people, shared by all formats of reports."""

import re
from collections.abc import Iterable

from grading.judge.excuses import START
from grading.judge.records import (
    CheckResult,
    Fault,
    GroupResult,
    Mark,
    Measurement,
    Override,
    Report,
    Status,
    TaskResult,
)
from grading.judge.values import MARKED

SIGNS = {
    Status.PASSED: "✓",
    Status.FAILED: "✗",
    Status.UNIMPLEMENTED: "○",
    Status.PARTLY: "◐",
    Status.NOT_JUDGED: "–",
    Status.NOT_THERE: "–",
    Status.ERROR: "!",
    Status.HIDDEN: "·",
}
"""One sign for each status."""


OBSTACLE = re.compile(
    r"^the submission imports |^\S+ is (not valid Python |empty)|^while \S+ was imported, "
)
"""Pattern of faults that keep a file from being imported."""


def points(value: float | None) -> str:
    """Return points as text: "10", "7.5", or "–" if nothing was judged."""
    return "–" if value is None else f"{value:g}"


def score(task: TaskResult | GroupResult) -> str:
    """Return the points of a task or a group, as in "6 of 8, 2 open"."""
    if not task.max_points:
        return "no points"
    if task.status is Status.HIDDEN:
        return "hidden"
    if task.points is None:
        return earned(None, 0.0, task.max_points)
    judged = task.judged if isinstance(task, TaskResult) else task.max_points
    return earned(task.points, judged, task.max_points)


def earned(value: float | None, judged: float, possible: float, unit: str = "") -> str:
    """Return earned, judged and open points as text: "6 of 8, 2 open".

    Args:
        value: The earned points; None if nothing was judged.
        judged: The points of what was judged.
        possible: The points of everything.
        unit: A word after the judged points.
    """
    text = "–" if value is None else f"{points(value)} of {points(judged)}{unit}"
    left = possible - judged
    return f"{text}, {points(left)} open" if left else text


def judged(task: TaskResult) -> str:
    """Return judged points and the reasons for open ones; empty if all points were judged."""
    if task.points is None or task.judged == task.max_points:
        return ""
    parts = [f"{points(task.judged)} of {points(task.max_points)} points judged"]
    left: dict[str, float] = {}
    for group in task.groups:
        if group.points is None:
            reason = group.reason or group.status.value
            left[reason] = left.get(reason, 0.0) + group.max_points
    for reason, worth in left.items():
        if reason.startswith(START):
            parts.append(f"{points(worth)} excused: they need {reason.removeprefix(START)}")
        else:
            parts.append(f"{points(worth)} not judged: {reason}")
    return "; ".join(parts)


def seconds(value: float) -> str:
    """Return a duration as text, such as "7.3 s"."""
    if value >= 100:
        return f"{int(value) // 60} min {int(value) % 60} s"
    return f"{value:.1f} s"


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun, such as "3 checks"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def check_name(check: CheckResult) -> str:
    """Return the title of a check, with the failed parameter set."""
    return f"{check.title} [{check.case}]" if check.case else check.title


def outcome(task: TaskResult) -> str:
    """Return the result of a task in a few words, with the reasons for open points."""
    result = _outcome(task)
    left = judged(task)
    if task.status is Status.PARTLY:
        return left
    return f"{result}; {left}" if left else result


def _outcome(task: TaskResult) -> str:
    if task.status is Status.PASSED:
        passed = f"{plural(len(task.required), 'check')} passed" if task.required else "advice only"
        return f"{passed} on the simulator" if task.simulated else passed
    if task.status is Status.FAILED:
        return _failure(task)
    if task.status is Status.UNIMPLEMENTED:
        text = _named(task, Status.UNIMPLEMENTED, "not implemented yet")
        return f"{text}; {obstacle}" if (obstacle := _obstacle(task)) else text
    if task.status is Status.HIDDEN:
        return "hidden before the deadline"
    if task.status is Status.ERROR:
        return "error of the grader, no points lost"
    return f"{task.status.value}: {task.reason}" if task.reason else task.status.value


def _obstacle(task: TaskResult) -> str:
    """Return why no function of a task can run, besides those that are not implemented."""
    sentences = [check.fault.sentence for check in task.required if check.fault is not None]
    return next(filter(OBSTACLE.search, sentences), "")


def _failure(task: TaskResult) -> str:
    bad = sum(check.status.bad for check in task.required)
    if not bad and any(each.status.bad for each in task.speed):
        return "correct, but too slow"
    if len(task.groups) > 1:
        return _named(task, Status.FAILED, "wrong")
    return f"{bad} of {plural(len(task.required), 'check')} failed"


def _named(task: TaskResult, status: Status, what: str) -> str:
    """Return a text with the names of the groups of a status, unless all groups have it."""
    names = [group.name for group in task.groups if group.status is status]
    if len(names) == len(task.groups):
        return what
    return f"{what}: {', '.join(names)}"


def summary(report: Report) -> str:
    """Return the result of a run in one sentence."""
    if len(report.tasks) == 1:
        (task,) = report.tasks
        return f"Task {task.id}: {outcome(task)}"
    passed = report.counting(Status.PASSED)
    hidden = report.counting(Status.HIDDEN)
    if hidden == len(report.tasks):
        return "the results are hidden before the deadline"
    parts = [f"{passed} of {plural(len(report.tasks), 'task')} passed"]
    for status in (
        Status.FAILED,
        Status.UNIMPLEMENTED,
        Status.PARTLY,
        Status.NOT_JUDGED,
        Status.NOT_THERE,
        Status.HIDDEN,
    ):
        if count := report.counting(status):
            parts.append(f"{count} {status.value}")
    if count := report.counting(Status.ERROR):
        parts.append(f"{count} not judged because of errors of the grader")
    return ", ".join(parts)


def total(report: Report) -> str:
    """Return the points of all tasks as text, such as "6 of 8 points, 2 open"."""
    if report.counting(Status.HIDDEN):
        return f"hidden: {points(report.max_points)} points in all"
    if report.max_points and not report.judged_points:
        return f"not judged yet: {points(report.max_points)} points open"
    return earned(report.points, report.judged_points, report.max_points, " points")


def module_score(tasks: Iterable[TaskResult]) -> str:
    """Return the points of the tasks of a module, in the words of `score`."""
    of_module = tuple(tasks)
    if any(task.status is Status.HIDDEN for task in of_module):
        return "hidden"
    possible = sum(task.max_points for task in of_module)
    judged = sum(task.judged for task in of_module)
    value = sum(task.points or 0.0 for task in of_module) if judged else None
    return earned(value, judged, possible)


def measured(each: Measurement) -> str:
    """Return a measured number as text, with its limits and the claim of the submission's log."""
    text = f"measured: {each.name} {each.value:g}"
    if each.of is not None:
        text += f" of {each.of:g}"
    if each.least is not None:
        text += f", required at least {each.least:g}"
    if each.claimed:
        text += f"; the log claims {each.claimed}"
    return text + (f"; {each.remark}" if each.remark else "")


def hand_in(report: Report) -> list[tuple[str, str]]:
    """Return the judged part of a hand-in as labels and texts; empty if it was judged whole."""
    record = report.submission
    rows = [("judged", record.folder), ("left out", ", ".join(record.others))]
    return [(label, text) for label, text in rows if text]


def marked(report: Report) -> list[tuple[str, str]]:
    """Return the mark under a course's policy as labels and texts; empty without a policy."""
    mark = report.mark
    if mark is None:
        return []
    late = mark.late
    if late and mark.deducted:
        late += f", {points(mark.deducted)} deducted"
    rows = [
        ("mark", mark_text(mark)),
        ("learner", f"{mark.learner} ({mark.pair})" if mark.pair else mark.learner),
        ("handed in", " · ".join(text for text in (mark.hand_in, mark.handed_in, late) if text)),
        ("deadline", mark.deadline),
        ("hidden", f"parts of this report, until {mark.hidden_until}" * bool(mark.hidden_until)),
        *(("set by hand", override(each, mark)) for each in mark.overrides),
        ("policy", f"{mark.policy} (checksum {mark.checksum})"),
        ("marked", f"{mark.marked} by the grader of commit {mark.grader}"),
    ]
    return [(label, text) for label, text in rows if text]


def seed(report: Report) -> str:
    """Return the seed as text: "seed 7"."""
    return "seed hidden" if report.seed is None else f"seed {report.seed}"


def run_facts(report: Report) -> list[tuple[str, str]]:
    """Return what a run depends on, as labels and texts: seed, isolation, versions, grader."""
    rows = [
        ("seed", "hidden" if report.seed is None else str(report.seed)),
        ("isolation", report.isolation.level),
        *versions(report).items(),
        ("grader", report.grader),
    ]
    return [(label, text) for label, text in rows if text]


def versions(report: Report) -> dict[str, str]:
    """Return the versions of Python, NumPy and numba that ran the submission."""
    packages = report.machine.packages
    named = {name: packages.get(name, "unknown") for name in ("numpy", "numba")}
    return {"python": report.machine.python, **named}


def mark_text(mark: Mark) -> str:
    """Return a mark as text: "8.5 of 10", or the reason why there is none."""
    if mark.excused:
        return f"excused: {mark.reason}"
    if mark.points is None:
        if mark.hidden_until and not mark.reason:
            return f"hidden until {mark.hidden_until}"
        return f"none: {mark.reason}"
    text = f"{points(mark.points)} of {points(mark.of)}"
    return f"{text} ({mark.reason})" if mark.reason else text


def override(each: Override, mark: Mark) -> str:
    """Return points set by hand as text, with reason, instructor and time."""
    where = f"{each.task} {each.group}".strip()
    value = "excused" if each.excused else points(each.points)
    if each.points is None and not each.excused:
        value = f"hidden until {mark.hidden_until}"
    what = f"{where}: {value}" if where else value
    return f"{what}, by {each.by} at {each.at}: {each.reason}"


MARKS_MEAN = "*…* around each element that differs"
"""Explanation of the marks in expected and received values."""


def marked_parts(text: str) -> list[tuple[str, bool]]:
    """Return an expected or received value in parts, each with True if it is a marked element."""
    return [(part, bool(i % 2)) for i, part in enumerate(MARKED.split(text)) if part]


def marks(fault: Fault) -> str:
    """Return the explanation of the marks in a fault; empty if it has none."""
    return MARKS_MEAN if MARKED.search(f"{fault.expected}\n{fault.received}") else ""


def possible_locations(task: TaskResult, check: CheckResult, most: int = 3) -> list[str]:
    """Return functions of a task as possible locations of a fault without a known location.

    For advice there are none, because it may concern code of the course.
    """
    if not check.required:
        return []
    return [f"{hole.function} in {hole.place}" for hole in task.holes[:most] if hole.place]
