"""Tasks that are named on a command line, or a usage error."""

from collections.abc import Sequence

import click

from grading.tasks.model import Task, UnknownTaskError
from grading.tasks.table import table


def chosen_tasks(names: Sequence[str]) -> tuple[Task, ...]:
    """Return the tasks that were named, all of them if there is no name.

    Raises:
        click.UsageError: A name stands for nothing.
    """
    try:
        return table().select(names)
    except UnknownTaskError as error:
        raise click.UsageError(str(error)) from None
