"""The files that a run of the grader can write, each in a format of its own."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

import click

from grading.judge.records import Report
from grading.reports.files import replace_file

FORMATS = {
    "json": ("everything that was found out", "grading.judge.records:to_json"),
    "html": ("a page for people, in one file", "grading.reports.html:write"),
    "junit": ("JUnit XML for continuous integration", "grading.reports.junit:write"),
    "gradescope": ("results.json for Gradescope", "grading.reports.gradescope:write"),
    "classroom": (
        "the result of a runner for GitHub Classroom",
        "grading.reports.classroom:write",
    ),
    "csv": ("a row for the table of a class", "grading.reports.table:write"),
}
"""What each format is for, and the function that turns a report into bytes."""


def writer(name: str) -> Callable[[Report], bytes]:
    """Return the function that writes a format."""
    module, _, function = FORMATS[name][1].partition(":")
    found: Callable[[Report], bytes] = getattr(import_module(module), function)
    return found


def check_paths(files: Mapping[str, Path | None]) -> None:
    """Refuse files that could not be written, before anything is judged.

    Raises:
        click.BadParameter: A folder is missing.
    """
    for name, path in files.items():
        if path is not None and not path.absolute().parent.is_dir():
            raise click.BadParameter(
                f"there is no folder {path.absolute().parent} to write to; make it first",
                param_hint=f"--{name}",
            )


def write_reports(report: Report, files: Mapping[str, Path | None]) -> None:
    """Write a report in every format that was asked for."""
    for name, path in files.items():
        if path is not None:
            replace_file(path, writer(name)(report))
