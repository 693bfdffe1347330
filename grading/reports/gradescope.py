"""Report as Gradescope's `results.json`: one test per task, and a leaderboard of speed.

Field names follow Gradescope's autograder specification. A task that was not judged has no score,
so that it costs and earns no points; the maximum score of a partly judged task is the points of its
judged groups.
"""

import json
from typing import Any

from grading.judge.records import Report, SpeedResult, Status, TaskResult
from grading.reports import words
from grading.reports.junit import plain_fault


def write(report: Report, score: float | None = None) -> bytes:
    """Return the report as `results.json`.

    Args:
        report: The report; parts that a policy hides are not in it.
        score: The mark for instructors. Before the deadline, learners do not see it if results are
            hidden: Gradescope shows no total while a test is hidden.
    """
    lines = [f"{words.summary(report)}. {words.total(report)}."]
    lines += [", ".join(f"{label} {text}" for label, text in words.run_facts(report))]
    about = [*words.hand_in(report), *words.marked(report)]
    lines += [f"{label}: {text}" for label, text in about]
    results = {
        "score": report.points if score is None else score,
        "execution_time": round(report.seconds),
        "output": "\n".join(lines),
        "visibility": "visible",
        # The output of a submission is visible to instructors only.
        "stdout_visibility": "hidden",
        "tests": [_test(task) for task in report.tasks],
        "leaderboard": _leaderboard(report),
        "extra_data": {
            "seed": report.seed,
            "judged_points": report.judged_points,
            "max_points": report.max_points,
            "isolation": report.isolation.level,
            "versions": words.versions(report),
            "grader": report.grader,
            "mark": dict(words.marked(report)),
            "errors": list(report.errors),
        },
    }
    return json.dumps(results, ensure_ascii=False, indent=2).encode() + b"\n"


def _test(task: TaskResult) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": f"{task.id} {task.title}",
        "number": task.id,
        "output": _output(task),
        "output_format": "text",
        "tags": [f"module{task.module}", task.status.value],
        "visibility": "hidden" if task.status is Status.HIDDEN else "visible",
        "extra_data": {
            "status": task.status.value,
            "seconds": task.seconds,
            "judged_points": task.judged,
            "max_points": task.max_points,
        },
    }
    if task.points is not None:
        test["score"] = task.points
        test["max_score"] = task.judged
        test["status"] = "failed" if task.status.bad else "passed"
    return test


def _output(task: TaskResult) -> str:
    lines = [words.outcome(task)]
    if len(task.groups) > 1:
        lines += [
            f"{words.SIGNS[each.status]} {each.name}: {words.score(each)} {each.reason}".rstrip()
            for each in task.groups
        ]
    for check in task.checks:
        kind = "" if check.required else " (advice)"
        lines.append(f"{words.SIGNS[check.status]} {words.check_name(check)}{kind}")
        if check.status.bad and check.fault is not None:
            text = plain_fault(check.fault, check.again)
            lines += [f"    {line}" for line in text.splitlines()]
    lines += [f"speed of {each.workload}: {_speed(each)}" for each in task.speed]
    return "\n".join([*lines, f"read {task.doc}"])


def _speed(each: SpeedResult) -> str:
    if each.ratio is None:
        return each.remark or each.status.value
    return f"{each.ratio:.2g} × the time of {each.unit}"


def _leaderboard(report: Report) -> list[dict[str, Any]]:
    """Return the leaderboard: points, then ratios of times, for which less is better."""
    if any(task.status is Status.HIDDEN for task in report.tasks):
        return []
    board: list[dict[str, Any]] = [{"name": "Points", "value": report.points}]
    for task in report.tasks:
        for each in task.speed:
            if each.ratio is not None:
                board.append(
                    {
                        "name": f"{each.workload} (× fast)",
                        "value": round(each.ratio, 3),
                        "order": "asc",
                    }
                )
    return board
