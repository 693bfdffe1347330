"""Report files of a run, one per format."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

import click

from grading.judge.records import Report
from grading.reports.files import replace_file

FORMATS = {
    "json": ("the complete report as JSON", "grading.judge.records:to_json"),
    "html": ("the report as an HTML page", "grading.reports.html:write"),
    "junit": ("JUnit XML for continuous integration", "grading.reports.junit:write"),
    "gradescope": ("results.json for Gradescope", "grading.reports.gradescope:write"),
    "csv": ("the table row of a class as CSV", "grading.reports.table:write"),
}
"""For each format, the end of its help text and the function that writes it."""


def writer(name: str) -> Callable[[Report], bytes]:
    """Return the function that writes a format."""
    module, _, function = FORMATS[name][1].partition(":")
    found: Callable[[Report], bytes] = getattr(import_module(module), function)
    return found


def check_paths(files: Mapping[str, Path | None]) -> None:
    """Check before judging that the folders of all files exist.

    Raises:
        click.BadParameter: A folder does not exist.
    """
    for name, path in files.items():
        if path is not None and not path.absolute().parent.is_dir():
            raise click.BadParameter(
                f"there is no folder {path.absolute().parent}; create it first",
                param_hint=f"--{name}",
            )


def write_reports(report: Report, files: Mapping[str, Path | None]) -> None:
    """Write a report in all requested formats."""
    for name, path in files.items():
        if path is not None:
            replace_file(path, writer(name)(report))
