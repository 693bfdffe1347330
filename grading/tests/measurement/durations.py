"""Durations of grading at this state and at another commit, measured in turn on one submission.

    python -m grading.tests.measurement.durations --against 0270e5e [TREE]

Without TREE, a solved tree of the course's edition of 2022 is graded. Both graders run with the
libraries of this environment. On a busy machine the durations say nothing.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

from asv_benchmarks.peers.trees import NoTreeError, checkout
from grading.paths import ROOT
from grading.tests.upstream_trees import write_upstream

TASKS = ("task4_1", "task4_2", "task4_3", "task4_4")


def seconds_of_run(grader: Path, submission: Path, tasks: Sequence[str]) -> float:
    """Grade a submission with the grader of a working tree; return the elapsed time in seconds.

    Raises:
        click.ClickException: The grader wrote no report.
    """
    sources = [grader, *sorted(grader.glob("packages/*/src"))]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "grading", "grade", *tasks]
        command += ["--submission", str(submission), "--seed", "1", "--json", str(report)]
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=grader,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sources))},
            capture_output=True,
            text=True,
            check=False,
        )
        elapsed = time.monotonic() - began
        if not report.is_file():
            raise click.ClickException(f"the grader of {grader} failed:\n{done.stderr}")
        points = sum(task["points"] or 0 for task in json.loads(report.read_bytes())["tasks"])
    click.echo(f"{grader.name:12} {elapsed:6.1f} s  {points:g} points")
    return elapsed


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("tree", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--against", required=True, metavar="COMMIT", help="The commit to compare with.")
@click.option("--rounds", default=3, type=click.IntRange(min=1), help="Runs of each grader.")
@click.option("--task", "tasks", multiple=True, default=TASKS, help="A task, such as task4_1.")
def main(tree: Path | None, against: str, rounds: int, tasks: tuple[str, ...]) -> None:
    """Grade TREE in turn with the graders of COMMIT and of this checkout; print the medians."""
    try:
        with checkout(against) as earlier, tempfile.TemporaryDirectory() as folder:
            submission = tree or write_upstream(Path(folder, "submission"), "2022", 4)
            times: dict[Path, list[float]] = {earlier: [], ROOT: []}
            for _ in range(rounds):
                for grader, durations in times.items():
                    durations.append(seconds_of_run(grader, submission.resolve(), tasks))
    except NoTreeError as error:
        raise click.ClickException(str(error)) from error
    before, now = (statistics.median(each) for each in times.values())
    click.echo(f"median at {against}: {before:.1f} s; here: {now:.1f} s; ratio {now / before:.2f}")


if __name__ == "__main__":
    main()
