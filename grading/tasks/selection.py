"""Selection of tasks on a command line."""

from collections.abc import Sequence

import click

from grading.tasks.model import Task, UnknownTaskError
from grading.tasks.table import table


def chosen_tasks(names: Sequence[str]) -> tuple[Task, ...]:
    """Return the named tasks; all tasks without names.

    Raises:
        click.UsageError: A name is neither a task nor a module.
    """
    try:
        return table().select(names)
    except UnknownTaskError as error:
        raise click.UsageError(str(error)) from None
