"""Workflow for GitHub Classroom with one step per task.

Each step writes the input of the reporter, with the points of each group of checks; the command
grader of GitHub Classroom supports all points or none only.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any

import yaml

from grading.batch.engine import FACTOR
from grading.tasks.model import Task

REPORTER_ACTION = "classroom-resources/autograding-grading-reporter@v1"

START_MINUTES = 2
"""Time added to the limit of a step for its start, in minutes."""


def workflow(tasks: Sequence[Task], grader: str, seed: int) -> str:
    """Return the workflow as YAML.

    Args:
        tasks: The tasks; those without points are skipped.
        grader: The repository with this grader on GitHub, as "owner/name".
        seed: The seed of the class.
    """
    counted = [task for task in tasks if task.points]
    content = {
        "name": "Grade",
        # The YAML writer quotes `on`, which would be a boolean otherwise.
        "on": ["push", "workflow_dispatch"],
        "permissions": {"checks": "write", "actions": "read", "contents": "read"},
        "jobs": {
            "grade": {
                "runs-on": "ubuntu-latest",
                "if": "github.actor != 'github-classroom[bot]'",
                "steps": [
                    *_preparation(grader),
                    *(_step(task, seed) for task in counted),
                    _reporter(counted),
                ],
            }
        },
    }
    text: str = yaml.safe_dump(content, sort_keys=False, width=100)
    return text


def _preparation(grader: str) -> list[dict[str, Any]]:
    prepare = (
        "sudo apt-get install -yq bubblewrap\n"
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 || true\n"
        "pip install -q hatch\n"
        "cd grader && hatch run python --version\n"
    )
    return [
        {"uses": "actions/checkout@v4", "with": {"path": "submission"}},
        {"uses": "actions/checkout@v4", "with": {"repository": grader, "path": "grader"}},
        {"uses": "actions/setup-python@v5", "with": {"python-version": "3.12"}},
        {"name": "Prepare the grader", "run": prepare},
    ]


def _step(task: Task, seed: int) -> dict[str, Any]:
    simulate = " --simulate" if task.device == "cuda" else ""
    file = f"$RUNNER_TEMP/{task.marker}"
    # Exit code 1 means a failed task, which is a result; other codes are errors.
    run = (
        f"cd grader && hatch run grade {task.marker} --submission ../submission "
        f'--seed {seed} --no-speed{simulate} --classroom "{file}" || test $? = 1\n'
        f'echo "result=$(cat "{file}")" >> "$GITHUB_OUTPUT"\n'
    )
    return {
        "name": f"Task {task.id} {task.title}",
        "id": task.marker,
        "run": run,
        "timeout-minutes": START_MINUTES + ceil(FACTOR * task.seconds / 60),
        "continue-on-error": True,
    }


def _reporter(tasks: Sequence[Task]) -> dict[str, Any]:
    results = {
        f"{task.marker.upper()}_RESULTS": f"${{{{steps.{task.marker}.outputs.result}}}}"
        for task in tasks
    }
    return {
        "name": "Add up",
        "uses": REPORTER_ACTION,
        "env": results,
        "with": {"runners": ",".join(task.marker for task in tasks)},
    }
