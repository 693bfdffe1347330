"""Policies and stored reports for the tests."""

from pathlib import Path

from grading.judge.records import Report
from grading.policy.load import Course, load
from grading.tasks.table import table
from grading.tests.example_course.course import evidence
from grading.tests.example_course.solutions import SOLUTIONS

REPORTS: dict[str, Report] = {name: evidence(name) for name in SOLUTIONS}
"""The reports of a graded run, by the name of the solution."""

HEAD = 'version = 1\nname = "test"\n'


def course(folder: Path, text: str, head: str = HEAD) -> Course:
    """Return a policy with the given rules."""
    file = folder / "course.toml"
    file.write_text(head + text, encoding="utf-8")
    return load(file, table())
