"""Files of an assignment for the teacher's repository of Classroom 50.

Everyone in the class can read these files. Therefore they contain nothing that a policy hides.
"""

import json
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm
from pathlib import Path

from grading.deployment.published import check_policy
from grading.policy.apply import Rules
from grading.policy.load import Course
from grading.policy.model import Policy
from grading.tasks.model import Task

AUTOGRADER = Path(__file__).with_name("autograder.py")

MAX_FACTOR = 1000
"""Largest factor of points; a larger one means points such as 0.123456."""

ASSIGNMENT = {
    "runtime": {"python": "3.12", "apt": ["bubblewrap"]},
    "release_assets": ["report.html"],
}
"""The fields that the assignment of Classroom 50 needs."""


def write_autograder(
    tasks: Sequence[Task],
    options: Sequence[str],
    folder: Path,
    repository: str,
    tag: str,
    course: Course | None = None,
) -> int:
    """Write the files of an assignment and return the factor of points.

    Args:
        tasks: The tasks.
        options: Options of `grade`.
        folder: The folder, which is created: `CLASSROOM/autograders/ASSIGNMENT`.
        repository: URL of this repository.
        tag: The tag of this repository to use.
        course: The policy of the course; None for the rules of the table of tasks.

    Raises:
        PolicyError: The policy contains what the class must not read, or points without a factor.
    """
    check_policy(course, options)
    simulate = "--simulate" in options
    factor = factor_of(tasks, None if course is None else course.policy, simulate)
    if factor > MAX_FACTOR:
        assert course is not None
        raise course.error(
            (),
            f"scores of Classroom 50 are whole numbers, and these points need the factor {factor}; "
            f"allowed are factors up to {MAX_FACTOR}; use points such as 0.5 or 0.25",
        )
    settings = {
        "grader": repository,
        "tag": tag,
        "tasks": [task.marker for task in tasks],
        # Learner and result are in one job: only the sandbox separates them.
        "options": [*options, "--strict-isolation"],
        "factor": factor,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / AUTOGRADER.name).write_bytes(AUTOGRADER.read_bytes())
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    policy = folder / "policy.toml"
    if course is None:
        policy.unlink(missing_ok=True)
    else:
        policy.write_bytes(course.text.encode())
    return factor


def factor_of(tasks: Iterable[Task], policy: Policy | None, simulate: bool) -> int:
    """Return the smallest number that makes all points of a policy whole numbers."""
    rules = Policy(version=1, name="table") if policy is None else policy
    values = [value for task in tasks for value in _values(Rules(rules, task), simulate)]
    return lcm(*(Fraction(value).limit_denominator(10**6).denominator for value in values))


def _values(rules: Rules, simulate: bool) -> Iterable[float]:
    """Yield the points that a task and its groups and checks can earn."""
    yield from rules.thresholds.values()
    for group in rules.task.groups:
        worth = [rules.worth(group)]
        if rules.split(group):
            joined = (row.name for row in rules.policy.check_rows if row.group == group.name)
            own = [
                name
                for name in dict.fromkeys((*group.checks, *joined))
                if rules.use(name, required=True) == "required"
            ]
            rows = [rules.check_row(name) for name in own]
            points = [row.points for row in rows if row is not None and row.points is not None]
            worth += points or [worth[0] / max(len(own), 1)]
        yield from worth
        if simulate and rules.task.device == "cuda":
            yield from (value * rules.task.simulated for value in worth)
