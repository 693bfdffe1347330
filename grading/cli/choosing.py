"""The submission that a command is about, or a usage error."""

from pathlib import Path

import click

from grading.submissions.submission import Submission, SubmissionError


def found_submission(path: Path) -> Submission:
    """Return the submission in a folder.

    Raises:
        click.UsageError: There is none.
    """
    try:
        return Submission.at(path)
    except SubmissionError as error:
        raise click.UsageError(str(error)) from None
