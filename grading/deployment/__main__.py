"""`python -m grading.deployment`: write the files for Gradescope or GitHub Classroom."""

from pathlib import Path

import click

from grading.deployment.classroom import workflow
from grading.deployment.gradescope import write_autograder
from grading.judge.run import draw_seed
from grading.paths import ROOT
from grading.policy.load import PolicyError, load
from grading.tasks.selection import chosen_tasks
from grading.tasks.table import table

FILE = click.Path(dir_okay=False, path_type=Path)
names = click.argument("names", nargs=-1, required=True, metavar="TASK|MODULE...")
output = click.argument("file", type=FILE)
class_seed = click.option("--seed", type=click.IntRange(min=0), help="The seed of the class.")


@click.group()
def main() -> None:
    """Write the files for grading on Gradescope or GitHub Classroom."""


@main.command()
@names
@output
@class_seed
@click.option("--simulate", is_flag=True, help="Run CUDA tasks on numba's simulator.")
@click.option("--no-speed", is_flag=True, help="Do not measure speed.")
@click.option("--policy", type=FILE, metavar="FILE", help="Apply the rules of a course.")
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
    options = {"--simulate": simulate, "--no-speed": no_speed}
    flags = [option for option, is_set in options.items() if is_set]
    markers = [task.marker for task in chosen_tasks(names)]
    try:
        rules = None if policy is None else load(policy, table()).text.encode()
    except PolicyError as error:
        raise click.UsageError(str(error)) from None
    number = write_autograder(ROOT, [*markers, *flags, "--seed", str(seed)], file, rules)
    click.echo(f"{file}: {number} files, {file.stat().st_size / 1e6:.0f} MB, seed {seed}")


@main.command()
@names
@output
@class_seed
@click.option("--grader", required=True, metavar="OWNER/NAME", help="This repository on GitHub.")
def classroom(names: tuple[str, ...], file: Path, seed: int | None, grader: str) -> None:
    """Write the workflow of an assignment for GitHub Classroom."""
    seed = draw_seed() if seed is None else seed
    file.write_text(workflow(chosen_tasks(names), grader, seed), encoding="utf-8")
    click.echo(f"{file}: commit it as .github/workflows/classroom.yml; seed {seed}")


if __name__ == "__main__":
    main()
