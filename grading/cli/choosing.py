"""What the commands are about: tasks and submissions that were named, or a usage error."""

from collections.abc import Sequence
from pathlib import Path

import click

from grading.submissions.submission import Submission, SubmissionError
from grading.tasks.table import Task, UnknownTaskError, table


def chosen_tasks(names: Sequence[str]) -> tuple[Task, ...]:
    """Return the tasks that were named, all of them if there is no name.

    Raises:
        click.UsageError: A name stands for nothing.
    """
    try:
        return table().select(names)
    except UnknownTaskError as error:
        raise click.UsageError(str(error)) from None


def found_submission(path: Path) -> Submission:
    """Return the submission in a folder.

    Raises:
        click.UsageError: There is none.
    """
    try:
        return Submission.at(path)
    except SubmissionError as error:
        raise click.UsageError(str(error)) from None
