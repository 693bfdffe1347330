"""The command `hatch run measure-marks`: mutants, attacks, right styles, verdicts, counted."""

import datetime
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from grading.isolation.levels import best_level
from grading.tests.measurement import page
from grading.tests.measurement.cases import PARTS, Case, Results, in_order, run

LAST = 15
"""Number of failed cases that are listed on the screen."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parts", nargs=-1, type=click.Choice(PARTS), metavar="[PART]...")
@click.option("--quick", is_flag=True, help="One case of each row; nothing is published.")
@click.option("-k", "expression", default="", help="Cases whose names match; as in pytest.")
@click.option("--new", is_flag=True, help="Only cases that did not run, or failed.")
@click.option("--jobs", default=1, type=click.IntRange(min=1), help="Run N cases at a time.")
def main(parts: tuple[str, ...], quick: bool, expression: str, new: bool, jobs: int) -> None:
    """Measure the reliability of marks, and publish the results.

    PARTS are mutant, attack, style and verdict; all of them by default. Each case is a test with
    the mark `measured`. All of them take hours. Ctrl-C ends the run and publishes what is known;
    what was published of other cases stays.
    """
    published = Results.read(page.FILE)
    before = published.cases if published else ()
    with tempfile.TemporaryDirectory() as folder:
        options = ["--parts", ",".join(parts)]
        if jobs > 1:
            options += ["-n", str(jobs), "--dist", "loadgroup"]
        if quick:
            options.append("--first")
        if expression:
            options += ["-k", expression]
        if new:
            known = Path(folder) / "known"
            held = [case.id for case in before if case.outcome in ("passed", "skipped")]
            known.write_text("\n".join(held), encoding="utf-8")
            options += ["--known", str(known)]
        measured = run(options, Path(folder) / "cases")
        click.echo(page.tables(measured))
        failed = [case.id for case in measured if case.outcome == "failed"]
        for id in failed[:LAST]:
            click.echo(f"failed: {id}")
        if not quick and measured:
            present = run(["--collect-only"], Path(folder) / "present")
            publish(present, (*before, *measured))
    raise SystemExit(bool(failed))


def publish(present: Sequence[Case], known: Sequence[Case]) -> None:
    """Write the results and the page: every present case, with its outcome if that is known."""
    ids = {case.id for case in present}
    cases = in_order([*present, *(case for case in known if case.id in ids)])
    level = best_level("best").name
    system = f"{platform.system()}, Python {platform.python_version()}, isolation: {level}"
    results = Results(datetime.date.today().isoformat(), system, cases)
    results.write(page.FILE)
    page.write(results)


if __name__ == "__main__":
    main()
