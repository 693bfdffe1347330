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

from grading.paths import ROOT
from grading.tests.upstream_trees import write_upstream

TASKS = ("task4_1", "task4_2", "task4_3", "task4_4")


def seconds_of_run(checkout: Path, submission: Path, tasks: Sequence[str]) -> float:
    """Grade a submission with the grader of a checkout; return the elapsed time in seconds.

    Raises:
        click.ClickException: The grader wrote no report.
    """
    sources = [checkout, *sorted(checkout.glob("packages/*/src"))]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "grading", "grade", *tasks]
        command += ["--submission", str(submission), "--seed", "1", "--json", str(report)]
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sources))},
            capture_output=True,
            text=True,
            check=False,
        )
        elapsed = time.monotonic() - began
        if not report.is_file():
            raise click.ClickException(f"the grader of {checkout} failed:\n{done.stderr}")
        points = sum(task["points"] or 0 for task in json.loads(report.read_bytes())["tasks"])
    click.echo(f"{checkout.name:12} {elapsed:6.1f} s  {points:g} points")
    return elapsed


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("tree", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--against", required=True, metavar="COMMIT", help="The commit to compare with.")
@click.option("--rounds", default=3, type=click.IntRange(min=1), help="Runs of each grader.")
@click.option("--task", "tasks", multiple=True, default=TASKS, help="A task, such as task4_1.")
def main(tree: Path | None, against: str, rounds: int, tasks: tuple[str, ...]) -> None:
    """Grade TREE in turn with the graders of COMMIT and of this checkout; print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder, "earlier")
        git = ["git", "-C", str(ROOT), "worktree"]
        added = subprocess.run(
            [*git, "add", "--detach", str(earlier), against],
            capture_output=True,
            text=True,
            check=False,
        )
        if added.returncode:
            raise click.ClickException(added.stderr.strip())
        try:
            submission = tree or write_upstream(Path(folder, "submission"), "2022", 4)
            times: dict[Path, list[float]] = {earlier: [], ROOT: []}
            for _ in range(rounds):
                for checkout, durations in times.items():
                    durations.append(seconds_of_run(checkout, submission.resolve(), tasks))
        finally:
            subprocess.run([*git, "remove", "--force", str(earlier)], check=True)
    before, now = (statistics.median(each) for each in times.values())
    click.echo(f"median at {against}: {before:.1f} s; here: {now:.1f} s; ratio {now / before:.2f}")


if __name__ == "__main__":
    main()
