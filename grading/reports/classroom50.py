"""Report for Classroom 50: `result.json` with one test per group, and `release-body.md`.

`grading/deployment/classroom50/result.schema.json` describes the fields. Scores are whole numbers:
points times a factor. Groups without points, because they were not judged or are hidden before the
deadline, are no tests, so that they earn and cost nothing.
"""

import json
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor
from typing import Any

from grading.judge.records import GroupResult, Report, Status, TaskResult
from grading.reports import words

SCHEMA = "classroom50/result/v1"

ROUNDING = 1e-6
"""Largest difference of points times factor from a whole number."""

TEXT = frozenset(string.ascii_letters + string.digits + " ,;:+-()%=")
"""Characters without a meaning in Markdown inside a line; `escaped` replaces all others."""


class ScoreError(ValueError):
    """Points cannot be written as a whole number; the message names the group and its points."""


@dataclass(frozen=True)
class Identity:
    """The submission in Classroom 50.

    Attributes:
        classroom: The classroom.
        assignment: The assignment.
        submission: The tag of the submission.
        commit: URL of the commit.
        release: URL of the release.
        review: URL of the review.
    """

    classroom: str
    assignment: str
    submission: str
    commit: str
    release: str
    review: str


@dataclass(frozen=True)
class ScoredTest:
    """A test in `result.json`.

    Attributes:
        name: Task and group.
        passed: True if the group passed.
        score: Earned points times the factor.
        max_score: Possible points times the factor.
    """

    name: str
    passed: bool
    score: int
    max_score: int


def scores_of(report: Report, factor: int) -> list[ScoredTest]:
    """Return a test for each group with points, less the deduction for a late hand-in.

    The platform adds up the scores of the tests. Therefore the deduction is taken from the last
    tests. It is rounded down to a whole number.

    Args:
        report: The report; parts that a policy hides are not in it.
        factor: Number by which points are multiplied.

    Raises:
        ScoreError: The points of a group times the factor are not a whole number.
    """
    tests = [
        ScoredTest(
            f"{task.id} {group.name}",
            group.status is Status.PASSED,
            _whole(group.points, factor, f"{task.id} {group.name}"),
            _whole(group.max_points, factor, f"{task.id} {group.name}"),
        )
        for task in report.tasks
        for group in _groups(task)
        if group.points is not None and group.max_points
    ]
    mark = report.mark
    if mark is None or not mark.deducted or not mark.of:
        return tests
    share = mark.deducted / mark.of
    return _less(tests, floor(share * sum(test.max_score for test in tests) + ROUNDING))


def refusal(points: float, factor: int) -> list[ScoredTest]:
    """Return the tests of a folder that is not a submission: one, without points."""
    return [ScoredTest("submission", False, 0, round(points * factor))]


def result(tests: Sequence[ScoredTest], identity: Identity, now: datetime) -> bytes:
    """Return `result.json`.

    Args:
        tests: The tests.
        identity: The submission in Classroom 50.
        now: The time of the grading.
    """
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "classroom": identity.classroom,
        "assignment": identity.assignment,
        "submission": identity.submission,
        "commit": identity.commit,
        "release": identity.release,
        "review": identity.review,
        "datetime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": sum(test.score for test in tests),
        "max-score": sum(test.max_score for test in tests),
        "tests": [
            {
                "test-name": test.name,
                "passed": test.passed,
                "score": test.score,
                "max-score": test.max_score,
            }
            for test in tests
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"


def release_body(report: Report, factor: int, page: str, refused: str = "") -> bytes:
    """Return the text of the release in Markdown: points, a table of groups, facts of the run.

    Args:
        report: The report; parts that a policy hides are not in it.
        factor: Number by which points are multiplied in the score.
        page: Name of the release asset with the complete report.
        refused: Reason why the folder is not a submission; empty otherwise.
    """
    lines = [f"**{escaped(words.total(report))}**", "", escaped(refused or words.summary(report))]
    if factor != 1:
        lines += ["", f"The score is points × {factor}."]
    lines += ["", "| | task | function | points | |", "| --- | --- | --- | ---: | --- |"]
    for task in report.tasks:
        for group in _groups(task):
            reason = "" if group.status.judged or refused else group.reason or group.status.value
            cells = (words.SIGNS[group.status], task.id, group.name, words.score(group), reason)
            lines.append(f"| {' | '.join(map(escaped, cells))} |")
    lines += ["", f"The file `{page}` of this release explains each failure."]
    facts = [*words.marked(report), *([] if refused else words.run_facts(report))]
    lines += ["", *(f"- {escaped(label)}: {escaped(text)}" for label, text in facts)]
    return "\n".join(lines).encode() + b"\n"


def escaped(text: str) -> str:
    """Return a text in which no character has a meaning in Markdown or HTML."""
    return "".join(sign if sign in TEXT or ord(sign) > 255 else f"&#{ord(sign)};" for sign in text)


def _groups(task: TaskResult) -> tuple[GroupResult, ...]:
    """Return the groups of a task; one with its title if the record has none."""
    whole = GroupResult(task.title, task.status, task.points, task.max_points, task.reason)
    return task.groups or (whole,)


def _whole(points: float, factor: int, name: str) -> int:
    """Return points times the factor as a whole number.

    Raises:
        ScoreError: It is not a whole number.
    """
    exact = points * factor
    if abs(exact - round(exact)) > ROUNDING:
        raise ScoreError(
            f"{name} has {points:g} points, and {points:g} × {factor} is not a whole number. Write "
            "the autograder again with `python -m grading.deployment classroom50`, which computes "
            "the factor, or change the points in the policy"
        )
    return round(exact)


def _less(tests: Sequence[ScoredTest], lost: int) -> list[ScoredTest]:
    """Return tests with a deduction from their scores, the last ones first."""
    reduced = []
    for test in reversed(tests):
        taken = min(test.score, lost)
        lost -= taken
        name = f"{test.name} ({taken} deducted: late)" if taken else test.name
        reduced.append(ScoredTest(name, test.passed, test.score - taken, test.max_score))
    return reduced[::-1]
