"""The words and signs that the reports for people share."""

from collections.abc import Iterable

from grading.judge.records import CheckResult, GroupResult, Report, Status, TaskResult

SIGNS = {
    Status.PASSED: "✓",
    Status.FAILED: "✗",
    Status.UNIMPLEMENTED: "○",
    Status.PARTLY: "◐",
    Status.NOT_JUDGED: "–",
    Status.NOT_THERE: "–",
    Status.ERROR: "!",
}
"""One sign for each status; a circle waits to be filled."""


def points(value: float | None) -> str:
    """Write points: "10", "7.5", or "–" where nothing was judged."""
    return "–" if value is None else f"{value:g}"


def score(task: TaskResult | GroupResult) -> str:
    """Write what a task or a group earns of what was judged of it, and what was not judged."""
    if not task.max_points:
        return "no points"
    if task.points is None:
        return f"– of {points(task.max_points)}"
    judged = task.judged if isinstance(task, TaskResult) else task.max_points
    return f"{points(task.points)} of {_of(judged, task.max_points)}"


def _of(judged: float, possible: float) -> str:
    """Write what was judged, and what could have been."""
    left = possible - judged
    return f"{points(judged)} ({points(left)} not judged)" if left else points(judged)


def judged(task: TaskResult) -> str:
    """Say what of a task was judged, and why the rest was not; empty if everything was."""
    if task.points is None or task.judged == task.max_points:
        return ""
    parts = [f"{points(task.judged)} of {points(task.max_points)} points judged"]
    left: dict[str, float] = {}
    for group in task.groups:
        if group.points is None:
            reason = group.reason or group.status.value
            left[reason] = left.get(reason, 0.0) + group.max_points
    for reason, worth in left.items():
        if reason.startswith("needs "):
            parts.append(f"{points(worth)} excused: they need {reason.removeprefix('needs ')}")
        else:
            parts.append(f"{points(worth)} not judged: {reason}")
    return "; ".join(parts)


def seconds(value: float) -> str:
    """Write a duration."""
    if value >= 100:
        return f"{int(value) // 60} min {int(value) % 60} s"
    return f"{value:.1f} s"


def plural(count: int, one: str, many: str = "") -> str:
    """Write a number of things."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def check_name(check: CheckResult) -> str:
    """Write the name of a check, with the set of parameters that went wrong."""
    return f"{check.title} [{check.case}]" if check.case else check.title


def outcome(task: TaskResult) -> str:
    """Say in a few words what became of a task, and what of it was not judged."""
    said = _outcome(task)
    left = judged(task)
    if task.status is Status.PARTLY:
        return left
    return f"{said}; {left}" if left else said


def _outcome(task: TaskResult) -> str:
    if task.status is Status.PASSED:
        passed = f"{plural(len(task.required), 'check')} passed" if task.required else "advice only"
        return f"{passed} on the simulator" if task.simulated else passed
    if task.status is Status.FAILED:
        return _failure(task)
    if task.status is Status.UNIMPLEMENTED:
        return _named(task, Status.UNIMPLEMENTED, "not implemented yet")
    if task.status is Status.ERROR:
        return "the grader failed, nothing is charged"
    return f"{task.status.value}: {task.reason}" if task.reason else task.status.value


def _failure(task: TaskResult) -> str:
    bad = sum(check.status.bad for check in task.required)
    if not bad and any(each.status.bad for each in task.speed):
        return "right, and too slow"
    if len(task.groups) > 1:
        return _named(task, Status.FAILED, "wrong")
    return f"{bad} of {plural(len(task.required), 'check')} failed"


def _named(task: TaskResult, status: Status, what: str) -> str:
    """Name the groups of a status, unless all groups have it."""
    names = [group.name for group in task.groups if group.status is status]
    if len(names) == len(task.groups):
        return what
    return f"{what}: {', '.join(names)}"


def summary(report: Report) -> str:
    """Say in one sentence what came out."""
    if len(report.tasks) == 1:
        (task,) = report.tasks
        return f"Task {task.id}: {outcome(task)}"
    passed = report.counting(Status.PASSED)
    parts = [f"{passed} of {plural(len(report.tasks), 'task')} passed"]
    for status in (
        Status.FAILED,
        Status.UNIMPLEMENTED,
        Status.PARTLY,
        Status.NOT_JUDGED,
        Status.NOT_THERE,
    ):
        if count := report.counting(status):
            parts.append(f"{count} {status.value}")
    if count := report.counting(Status.ERROR):
        parts.append(f"{count} lost to the grader's own faults")
    return ", ".join(parts)


def total(report: Report) -> str:
    """Write the points of all tasks, what was judged, and what they could have been."""
    text = f"{points(report.points)} of {points(report.judged_points)} points"
    if report.judged_points != report.max_points:
        text += f" ({points(report.max_points)} with what was not judged)"
    return text


def module_score(tasks: Iterable[TaskResult]) -> str:
    """Write what the tasks of a module earn of what was judged of them."""
    of_module = tuple(tasks)
    earned = sum(task.points or 0.0 for task in of_module)
    possible = sum(task.max_points for task in of_module)
    return f"{points(earned)} of {_of(sum(task.judged for task in of_module), possible)}"


def suspects(task: TaskResult, check: CheckResult, most: int = 3) -> list[str]:
    """Name functions of a task to look at where nothing says which of them is wrong.

    An advice may be about what was given.
    """
    if not check.required:
        return []
    return [f"{hole.function} in {hole.place}" for hole in task.holes[:most] if hole.place]
