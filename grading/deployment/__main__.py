"""`python -m grading.deployment`: files for Gradescope, Classroom 50 and GitHub Actions."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from grading.cli.policy import loaded
from grading.deployment import gradescope as for_gradescope
from grading.deployment.actions import workflow
from grading.deployment.classroom50 import export
from grading.judge.run import draw_seed
from grading.paths import ROOT
from grading.policy.load import PolicyError
from grading.tasks.selection import chosen_tasks

FILE = click.Path(dir_okay=False, path_type=Path)
names = click.argument("names", nargs=-1, required=True, metavar="TASK|MODULE...")
output = click.argument("file", type=FILE)

OPTIONS = (
    click.option("--seed", type=click.IntRange(min=0), help="The seed of the class."),
    click.option("--simulate", is_flag=True, help="Run CUDA tasks on numba's simulator."),
    click.option("--no-speed", is_flag=True, help="Do not measure speed."),
    click.option("--policy", type=FILE, metavar="FILE", help="Apply the rules of a course."),
)
"""The options of all exports."""

SOURCE = (
    click.option("--grader", required=True, metavar="OWNER/NAME", help="Repository of the grader."),
    click.option("--tag", required=True, help="The tag of this repository to use."),
)
"""The options of exports that get this repository from GitHub."""


def with_options(
    *options: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds options to a command."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def options_of_grade(seed: int | None, simulate: bool, no_speed: bool) -> list[str]:
    """Return the options of `grade`."""
    flags = {"--simulate": simulate, "--no-speed": no_speed}
    chosen = [option for option, is_set in flags.items() if is_set]
    return chosen if seed is None else [*chosen, "--seed", str(seed)]


def on_github(name: str) -> str:
    """Return the name of a repository on GitHub.

    Raises:
        click.BadParameter: The name is not OWNER/NAME.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise click.BadParameter(
            f"{name!r} is not a repository on GitHub; write OWNER/NAME", param_hint="--grader"
        )
    return name


@click.group()
def main() -> None:
    """Write the files for grading on Gradescope, Classroom 50 or GitHub Actions."""


@main.command()
@names
@output
@with_options(*OPTIONS)
def gradescope(
    names: tuple[str, ...],
    file: Path,
    seed: int | None,
    simulate: bool,
    no_speed: bool,
    policy: Path | None,
) -> None:
    """Write the zip file of an autograder for Gradescope."""
    seed = draw_seed() if seed is None else seed
    markers = [task.marker for task in chosen_tasks(names)]
    rules = None if policy is None else loaded(policy).text.encode()
    arguments = [*markers, *options_of_grade(seed, simulate, no_speed)]
    number = for_gradescope.write_autograder(ROOT, arguments, file, rules)
    click.echo(f"{file}: {number} files, {file.stat().st_size / 1e6:.0f} MB, seed {seed}")


@main.command()
@names
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@with_options(*OPTIONS, *SOURCE)
def classroom50(
    names: tuple[str, ...],
    folder: Path,
    seed: int | None,
    simulate: bool,
    no_speed: bool,
    policy: Path | None,
    grader: str,
    tag: str,
) -> None:
    """Write the autograder of an assignment for Classroom 50.

    FOLDER is CLASSROOM/autograders/ASSIGNMENT in the teacher's repository.
    """
    url = grader if ":" in grader else f"https://github.com/{on_github(grader)}.git"
    options = options_of_grade(seed, simulate, no_speed)
    course = None if policy is None else loaded(policy)
    tasks = chosen_tasks(names)
    try:
        factor = export.write_autograder(tasks, options, folder, url, tag, course)
    except PolicyError as error:
        raise click.UsageError(str(error)) from None
    scale = "" if factor == 1 else f"; scores are points × {factor}"
    click.echo(f"{folder}: commit it to the teacher's repository{scale}")
    click.echo(f"fields of the assignment: {json.dumps(export.ASSIGNMENT)}")


@main.command()
@names
@output
@with_options(*OPTIONS, *SOURCE)
def actions(
    names: tuple[str, ...],
    file: Path,
    seed: int | None,
    simulate: bool,
    no_speed: bool,
    policy: Path | None,
    grader: str,
    tag: str,
) -> None:
    """Write a workflow of GitHub Actions that grades every push."""
    course = None if policy is None else loaded(policy)
    options = options_of_grade(seed, simulate, no_speed)
    try:
        text = workflow(chosen_tasks(names), options, on_github(grader), tag, course)
    except PolicyError as error:
        raise click.UsageError(str(error)) from None
    file.write_text(text, encoding="utf-8")
    click.echo(f"{file}: commit it as .github/workflows/grade.yml")


if __name__ == "__main__":
    main()
