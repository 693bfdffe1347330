"""The words and signs that the reports for people share."""

from grading.judge.records import CheckResult, Report, Status, TaskResult

SIGNS = {
    Status.PASSED: "✓",
    Status.FAILED: "✗",
    Status.UNIMPLEMENTED: "○",
    Status.NOT_JUDGED: "–",
    Status.NOT_THERE: "–",
    Status.ERROR: "!",
}
"""One sign for each status; a circle waits to be filled."""


def points(value: float | None) -> str:
    """Write points: "10", "7.5", or "–" where nothing was judged."""
    return "–" if value is None else f"{value:g}"


def score(task: TaskResult) -> str:
    """Write what a task earns of what it is worth."""
    if not task.max_points:
        return "no points"
    if task.points is None:
        return f"– of {points(task.max_points)}"
    return f"{points(task.points)} of {points(task.max_points)}"


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
    """Say in a few words what became of a task."""
    if task.status is Status.PASSED:
        passed = f"{plural(len(task.required), 'check')} passed" if task.required else "advice only"
        return f"{passed} on the simulator" if task.simulated else passed
    if task.status is Status.FAILED:
        bad = sum(check.status.bad for check in task.required)
        slow = sum(each.status.bad for each in task.speed)
        if not bad and slow:
            return "right, and too slow"
        return f"{bad} of {plural(len(task.required), 'check')} failed"
    if task.status is Status.UNIMPLEMENTED:
        return "not implemented yet"
    if task.status is Status.ERROR:
        return "the grader failed, nothing is charged"
    return f"{task.status.value}: {task.reason}" if task.reason else task.status.value


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
        Status.NOT_JUDGED,
        Status.NOT_THERE,
    ):
        if count := report.counting(status):
            parts.append(f"{count} {status.value}")
    if count := report.counting(Status.ERROR):
        parts.append(f"{count} lost to the grader's own faults")
    return ", ".join(parts)


def total(report: Report) -> str:
    """Write the points of all tasks, and what they could have been."""
    text = f"{points(report.points)} of {points(report.judged_points)} points"
    if report.judged_points != report.max_points:
        text += f" ({points(report.max_points)} with what was not judged)"
    return text


def suspects(task: TaskResult, check: CheckResult, most: int = 3) -> list[str]:
    """Name functions of a task to look at where nothing says which of them is wrong.

    An advice may be about what was given.
    """
    if not check.required:
        return []
    return [f"{hole.function} in {hole.place}" for hole in task.holes[:most] if hole.place]
