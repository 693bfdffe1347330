"""`grade --policy` of a single submission: the reports that the learner may see now."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from grading.cli.files import write_reports
from grading.judge.exit_codes import exit_code
from grading.judge.records import Report
from grading.policy.hand_ins import parsed_time
from grading.policy.load import Course, PolicyError
from grading.policy.marks import mark_one
from grading.reports import gradescope, terminal
from grading.reports.files import replace_file
from grading.tasks.table import table


def show_to_learner(
    report: Report,
    course: Course,
    files: Mapping[str, Path | None],
    learner: str | None,
    handed_in: str | None,
    metadata: Path | None,
    require_all: bool,
    verbose: bool,
) -> int:
    """Show a report under a policy, write it in all requested formats, return the exit code.

    Before the deadline, no output contains more than the policy allows; neither does the exit code.

    Args:
        report: The report without a policy.
        course: The policy.
        files: The files to write, by format.
        learner: The learner.
        handed_in: The time of the hand-in.
        metadata: Gradescope's metadata of the submission.
        require_all: True to count tasks that were not judged as failed.
        verbose: True to show every check.

    Raises:
        click.UsageError: The time or the metadata cannot be read.
    """
    about = {} if metadata is None else gradescope_metadata(metadata)
    name = learner or about.get("learner", "")
    time = handed_in or about.get("time")
    zone = course.policy.hand_ins.zone
    try:
        at = None if time is None else parsed_time(time, zone, "time of the hand-in")
    except PolicyError as error:
        raise click.UsageError(str(error)) from None
    marked = mark_one(course, table(), report, name, at, datetime.now(UTC))
    if marked.shown is None:
        raise click.UsageError(f"there is no report: {marked.mark.reason}")
    terminal.show(marked.shown, terminal.console(), verbose)
    write_reports(marked.shown, {**files, "gradescope": None})
    if (path := files.get("gradescope")) is not None:
        replace_file(path, gradescope.write(marked.shown, marked.mark.points))
    return exit_code(marked.shown, require_all)


def gradescope_metadata(file: Path) -> dict[str, str]:
    """Return learner and time in Gradescope's `submission_metadata.json`.

    Raises:
        click.UsageError: The file is not such metadata.
    """
    try:
        content: Any = msgspec.json.decode(file.read_bytes())
        users = content["users"]
        names = [str(user.get("email") or user.get("sid") or user.get("name")) for user in users]
        return {"learner": names[0] if names else "", "time": str(content["created_at"])}
    except (OSError, msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        raise click.UsageError(
            f"{file} is not Gradescope's submission_metadata.json: {error}"
        ) from None
