"""The argument for a submission on the command line."""

from pathlib import Path

import click

from grading.submissions.submission import Submission, SubmissionError


def found_submission(path: Path) -> Submission:
    """Return the submission in a folder.

    Raises:
        click.UsageError: The folder is not a submission.
    """
    try:
        return Submission.at(path)
    except SubmissionError as error:
        raise click.UsageError(str(error)) from None
