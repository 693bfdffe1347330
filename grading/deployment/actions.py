"""Workflow of GitHub Actions that grades every push, for courses without another platform.

A learner can change the workflow in the own repository. Therefore its result is feedback only.
"""

import shlex
from collections.abc import Sequence
from math import ceil
from typing import Any

import yaml

from grading.batch.engine import FACTOR
from grading.deployment.published import check_policy
from grading.policy.load import Course
from grading.tasks.model import Task

START_MINUTES = 10
"""Time added to the limit of a job for its preparation, in minutes."""

MAX_MINUTES = 360
"""Longest time of a job on the machines of GitHub, in minutes."""

REPORTS = {"--html": "report.html", "--junit": "report.xml"}
"""The reports that a run attaches."""


def workflow(
    tasks: Sequence[Task],
    options: Sequence[str],
    grader: str,
    tag: str,
    course: Course | None = None,
) -> str:
    """Return the workflow as YAML.

    Args:
        tasks: The tasks.
        options: Options of `grade`.
        grader: The repository with this grader on GitHub, as "owner/name".
        tag: The tag of this repository to use.
        course: The policy of the course; None for the rules of the table of tasks.

    Raises:
        PolicyError: The policy contains what the class must not read.
    """
    check_policy(course, options)
    minutes = START_MINUTES + ceil(FACTOR * sum(task.seconds for task in tasks) / 60)
    content = {
        "name": "Grade",
        # The YAML writer quotes `on`, which would be a boolean otherwise.
        "on": ["push"],
        "permissions": {"contents": "read"},
        "jobs": {
            "grade": {
                "runs-on": "ubuntu-latest",
                "timeout-minutes": min(minutes, MAX_MINUTES),
                "steps": [
                    *_preparation(grader, tag),
                    _grading(tasks, options, course),
                    _attachment(),
                ],
            }
        },
    }
    dumper: Any = type("Dumper", (yaml.SafeDumper,), {})
    dumper.add_representer(str, _represented)
    text: str = yaml.dump(content, Dumper=dumper, sort_keys=False, width=100, allow_unicode=True)
    return text


def _represented(dumper: Any, text: str) -> Any:
    """Return the YAML of a text; several lines are a block, which people can read."""
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _preparation(grader: str, tag: str) -> list[dict[str, Any]]:
    prepare = (
        "sudo apt-get update -q\n"
        "sudo apt-get install -yq bubblewrap\n"
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 || true\n"
        "pip install -q hatch\n"
        "cd grader && hatch run python --version\n"
    )
    return [
        {"uses": "actions/checkout@v4", "with": {"path": "submission"}},
        {
            "uses": "actions/checkout@v4",
            "with": {"repository": grader, "ref": tag, "path": "grader"},
        },
        {"uses": "actions/setup-python@v5", "with": {"python-version": "3.12"}},
        {"name": "Prepare the grader", "run": prepare},
    ]


def _grading(
    tasks: Sequence[Task], options: Sequence[str], course: Course | None
) -> dict[str, Any]:
    words = [*(task.marker for task in tasks), *options, "--strict-isolation"]
    words += ["--submission", "../submission"]
    for option, name in REPORTS.items():
        words += [option, f"../{name}"]
    command = f"cd grader && hatch run grade {shlex.join(words)}"
    step: dict[str, Any] = {"name": "Grade"}
    if course is None:
        return {**step, "run": f"{command}\n"}
    # GitHub sets the time of the push, in seconds; an author sets the time of a commit.
    step["env"] = {"POLICY": course.text, "PUSHED": "${{ github.event.repository.pushed_at }}"}
    prepare = (
        'printf "%s" "$POLICY" > "$RUNNER_TEMP/course.toml"\n'
        'at=$(date --utc --date "@$PUSHED" +%Y-%m-%dT%H:%M:%SZ)\n'
    )
    rules = '--policy "$RUNNER_TEMP/course.toml" --learner "$GITHUB_ACTOR" --handed-in "$at"'
    return {**step, "run": f"{prepare}{command} {rules}\n"}


def _attachment() -> dict[str, Any]:
    return {
        "name": "Attach the reports",
        "if": "always()",
        "uses": "actions/upload-artifact@v4",
        "with": {"name": "report", "path": "\n".join(REPORTS.values())},
    }
