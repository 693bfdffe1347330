"""Report for GitHub Classroom's reporter: JSON in base64, one test per group.

`classroom-resources/autograding-grading-reporter` adds up `score` of the tests and `max_score` of
the runners. `max_score` counts judged points only, so that the rest costs no points; the names of
the tests contain the open points.
"""

import base64
import json
from typing import Any

from grading.judge.records import GroupResult, Report, Status, TaskResult
from grading.reports import words


def write(report: Report) -> bytes:
    """Return the report as one line of base64."""
    statuses = [task.status for task in report.tasks]
    status = "error" if Status.ERROR in statuses else "pass"
    result = {
        "version": 1,
        "status": "fail" if any(each.bad for each in statuses) else status,
        "max_score": report.judged_points,
        "grader": report.grader,
        "mark": dict(words.marked(report)),
        "tests": [test for task in report.tasks for test in _tests(task)],
    }
    return base64.b64encode(json.dumps(result).encode()) + b"\n"


def _tests(task: TaskResult) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{task.id} {group.name} ({words.score(group)})",
            "status": _status(group),
            "score": group.points or 0,
            "message": group.reason or group.status.value,
            "test_code": f"hatch run grade {task.marker}",
            "filename": "",
            "line_no": 0,
            "execution_time": f"{task.seconds:g}s",
        }
        for group in task.groups
    ]


def _status(group: GroupResult) -> str:
    if group.points is None:
        return "error"
    return "fail" if group.status.bad else "pass"
