"""The command `hatch run measure-causes`: likely causes of mutants, counted."""

import datetime
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import click

from grading.tests.causes import page
from grading.tests.causes.cases import KNOWN, UNTUNED, Case, Results, measure, merged
from grading.tests.measurement.published import commit


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", "seeds", multiple=True, type=int, help="The seeds.  [default: 1, 2]")
@click.option("--every", default=1, type=click.IntRange(min=1), help="Take one mistake of N.")
@click.option("-k", "expression", default="", help="Mistakes whose names contain a text.")
@click.option("--new", is_flag=True, help="Only mistakes and seeds that were not measured.")
@click.option("--jobs", default=1, type=click.IntRange(min=1), help="Run N mistakes at a time.")
@click.option(
    "--evidence",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the answers in a folder, and use those that are there.",
)
@click.option("--publish/--no-publish", default=True, help="Write the page and its data.")
def main(
    seeds: Sequence[int],
    every: int,
    expression: str,
    new: bool,
    jobs: int,
    evidence: Path | None,
    publish: bool,
) -> None:
    """Measure which causes reports name for known mistakes, and publish the figures.

    Each mistake takes about ten seconds, and up to a minute in module 3. The results of earlier
    runs stay. With `--evidence`, a change of the models is measured in a few minutes.
    """
    published = Results.read(page.FILE)
    before = published.cases if published else ()
    known = {(case.mutant, case.seed) for case in before} if new else set()
    chosen = [mutant for mutant in [*KNOWN, *UNTUNED] if expression in str(mutant)][::every]
    todo = [
        (mutant, seed)
        for seed in seeds or (1, 2)
        for mutant in chosen
        if (str(mutant), seed) not in known
    ]
    cases: list[Case] = []
    with ProcessPoolExecutor(jobs) as pool:
        running = [pool.submit(measure, mutant, seed, evidence) for mutant, seed in todo]
        for done in as_completed(running):
            cases.append(done.result())
            show(cases[-1])
    click.echo(page.tables(cases))
    click.echo(page.agreement(cases))
    if publish and cases:
        found = merged([*before, *cases])
        results = Results(datetime.date.today().isoformat(), commit(), found)
        results.write(page.FILE)
        page.write(results)


def show(case: Case) -> None:
    """Print a case that is not named right."""
    if case.outcome != "right":
        click.echo(f"{case.outcome}: {case.mutant}, seed {case.seed}", err=True)
        for cause in case.causes:
            click.echo(f"    {cause}", err=True)


if __name__ == "__main__":
    main()
