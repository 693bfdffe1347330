"""`policy`: check a course's policy, and show its effective rules."""

from pathlib import Path

import click

from grading.cli.files import GivenPath
from grading.judge.exit_codes import OK
from grading.policy.apply import without_effect
from grading.policy.load import Course, PolicyError, load
from grading.policy.model import Policy
from grading.policy.show import rules_of
from grading.tasks.table import table

POLICY_FILE = GivenPath(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", required=False, type=POLICY_FILE)
@click.option("--show", is_flag=True, help="Show the effective rules of all tasks and groups.")
@click.option("-v", "--verbose", is_flag=True, help="Show the rule of every check, too.")
def policy(file: Path | None, show: bool, verbose: bool) -> int:
    """Check the policy FILE, such as course.toml; without FILE, show the rules without a policy."""
    if file is None:
        rules, name = Policy(version=1, name="the table of tasks"), ""
    else:
        course = loaded(file)
        rules, name = course.policy, f"{file} is valid: policy {course.policy.name!r}, checksum "
        name += course.checksum
    if name:
        click.echo(name)
    for line in without_effect(rules, table()):
        click.echo(f"note: {line}")
    if show or verbose or file is None:
        for line in rules_of(rules, table(), verbose):
            click.echo(line)
    return OK


def loaded(file: Path) -> Course:
    """Return the policy in a file.

    Raises:
        click.UsageError: The file cannot be read or is invalid.
    """
    try:
        return load(file, table())
    except PolicyError as error:
        raise click.UsageError(str(error)) from None
