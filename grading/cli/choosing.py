"""The argument for a submission on the command line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from grading.hand_ins.opening import HandIn, opened
from grading.submissions.submission import SubmissionError, enclosing
from grading.tasks.model import Task
from grading.tasks.table import table


@contextmanager
def opened_hand_in(
    paths: Sequence[Path], tasks: Sequence[Task], unpacked: Path | None
) -> Iterator[HandIn]:
    """Provide the submission of a hand-in; see `grading.hand_ins.opening.opened`.

    Raises:
        click.UsageError: There is no submission for the tasks, or several fit equally well.
    """
    whole = [enclosing(path) for path in paths]
    for path, tree in zip(paths, whole, strict=True):
        if tree != path:
            click.echo(f"{path} is a part of {tree}, which is judged as a whole.", err=True)
    try:
        with opened(whole, tasks, table(), unpacked) as hand_in:
            yield hand_in
    except SubmissionError as error:
        raise click.UsageError(str(error)) from None
