"""Paths on the command line, and the report files of a run, one per format."""

import os
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

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


class GivenPath(click.Path):
    """A path that is not empty, and that the system accepts."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return the path. The empty one, which would be the current folder, is an error."""
        if not os.fspath(value):
            self.fail("the path is empty; name a path, or . for the current folder", param, ctx)
        try:
            os.lstat(value)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            pass
        except OSError as error:
            self.fail(f"{value}: {error.strerror}; name another path", param, ctx)
        return super().convert(value, param, ctx)


def not_writable(path: Path, error: OSError) -> str:
    """Return that a path cannot be written, with the reason."""
    why = error.strerror or str(error)
    if isinstance(error, FileNotFoundError):
        why = "the file system allows no new files there"
    return f"{path} cannot be written: {why}"


def writer(name: str) -> Callable[[Report], bytes]:
    """Return the function that writes a format."""
    module, _, function = FORMATS[name][1].partition(":")
    found: Callable[[Report], bytes] = getattr(import_module(module), function)
    return found


def check_paths(files: Mapping[str, Path | None]) -> None:
    """Check before judging that all files can be written.

    Raises:
        click.BadParameter: A folder does not exist, or it allows no new file.
    """
    for name, path in files.items():
        if path is None:
            continue
        parent = path.absolute().parent
        if not parent.is_dir():
            raise click.BadParameter(
                f"there is no folder {parent}; create it first", param_hint=f"--{name}"
            )
        try:
            with tempfile.NamedTemporaryFile(dir=parent, prefix=f".{path.name}."):
                pass
        except OSError as error:
            raise click.BadParameter(
                f"{not_writable(path, error)}; name another file", param_hint=f"--{name}"
            ) from error


def write_reports(report: Report, files: Mapping[str, Path | None]) -> None:
    """Write a report in all requested formats."""
    for name, path in files.items():
        if path is not None:
            replace_file(path, writer(name)(report))
