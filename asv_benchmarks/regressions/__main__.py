"""The command `hatch run regressions`."""

import itertools
import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from asv_benchmarks.regressions import points
from asv_benchmarks.regressions.judging import (
    FALSE_DISCOVERIES,
    LEAST,
    Change,
    FalseAlarms,
    Noise,
    alarms,
    by_commit,
    changes,
    drift,
    false_alarms,
)
from asv_benchmarks.regressions.points import Name, Point, Run

WIDTH = 150
"""Width of the text in characters if the output is no terminal."""


@dataclass(frozen=True, slots=True)
class Step:
    """Two consecutive measured commits in one environment of a machine.

    Attributes:
        machine: The machine and the environment, as in `Run`.
        before, after: The commits.
        drift: How much slower the machine was at the second one, by the other frameworks.
        packages: The packages of which files differ.
        judged: The number of judged benchmarks.
        slower: The slowdowns.
    """

    machine: str
    before: str
    after: str
    drift: float
    packages: list[str]
    judged: int
    slower: list[Change]


@dataclass(slots=True)
class Report:
    """All findings.

    Attributes:
        steps: The steps from commit to commit.
        false: False alarms of the same decision on runs of one commit.
        noise: The source of the noise.
        runs: The runs of commits, the oldest first.
    """

    steps: list[Step] = field(default_factory=list)
    false: FalseAlarms = field(default_factory=FalseAlarms)
    noise: str = ""
    runs: list[Run] = field(default_factory=list)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print JSON: all points, ratios and alarms.")
@click.option("--ratios", is_flag=True, help="Also print the ratios to other frameworks over time.")
@click.option("--points", "listing", is_flag=True, help="Also print every point with its spread.")
def main(as_json: bool, ratios: bool, listing: bool) -> None:
    """List what got slower between commits that `bench-commits` has measured.

    The exit code is 1 if a benchmark got slower. The rate of false alarms is that of the same
    decision on repeated runs of one commit (`hatch run bench-repeats 4 HEAD`).
    """
    runs = points.in_order(points.read_runs(points.RESULTS))
    if len({run.commit for run in runs}) < 2:
        raise click.ClickException(
            "fewer than two commits are measured; run `hatch run bench-commits HEAD~3..HEAD` first"
        )
    repeats = points.REPEATS
    folders = sorted(repeats.iterdir(), key=_number) if repeats.exists() else []
    repeated = [run for folder in folders if folder.is_dir() for run in points.read_runs(folder)]
    report = judge(runs, by_commit(repeated, lambda run: run.machine))
    if as_json:
        click.echo(json.dumps(to_json(report), indent=1))
    else:
        console = Console()
        if not console.is_terminal:
            console = Console(width=WIDTH)
        show(report, console, ratios, listing)
    sys.exit(1 if any(step.slower for step in report.steps) else 0)


def _number(folder: Path) -> int:
    return int(folder.name) if folder.name.isdecimal() else 0


def judge(runs: Sequence[Run], groups: Sequence[Sequence[Run]]) -> Report:
    """Compare each measured commit with the one before it on the same machine.

    Args:
        runs: The runs of commits, the oldest first.
        groups: Repeated runs, grouped by commit.
    """
    machines = dict.fromkeys(run.machine for run in runs)
    pairs = [
        pair
        for machine in machines
        for pair in itertools.pairwise(run for run in runs if run.machine == machine)
    ]
    history = Noise.estimate(pairs, "the differences between commits")
    usable = [group for group in groups if len(group) > 1]
    count = sum(map(len, usable))
    noise = Noise.estimate(usable, f"{count} repeated runs") if usable else history
    # All steps together: the share of false alarms is that of the whole report.
    judged = [changes(before, after, noise) for before, after in pairs]
    slower = alarms([change for step in judged for change in step])
    steps = [
        Step(
            before.machine,
            before.commit,
            after.commit,
            drift(before, after),
            points.packages_changed(before.commit, after.commit),
            len(step),
            [change for change in slower if change in step],
        )
        for (before, after), step in zip(pairs, judged, strict=True)
    ]
    return Report(steps, false_alarms(usable, history), noise.source, list(runs))


def ratios_to_rivals(runs: Iterable[Run]) -> dict[tuple[Name, Name], list[tuple[str, float]]]:
    """Return the time of other frameworks divided by ours, by commit, in which the machine cancels.

    The key consists of the benchmark of the framework and of ours.
    """
    found: dict[tuple[Name, Name], list[tuple[str, float]]] = {}
    for run in runs:
        for name, point in run.points.items():
            if not points.rival_in(name):
                continue
            for own in points.ours_of(name):
                if own in run.points:
                    ratio = point.value / run.points[own].value
                    found.setdefault((name, own), []).append((run.commit, ratio))
    return found


def show(report: Report, console: Console, ratios: bool, listing: bool) -> None:
    """Print the findings as text."""
    for machine in dict.fromkeys(step.machine for step in report.steps):
        console.print(machine, highlight=False, markup=False)
    for step in report.steps:
        changed = ", ".join(step.packages) or "no package"
        console.print(
            f"{step.before[:8]} → {step.after[:8]}: {len(step.slower)} of {step.judged} benchmarks "
            f"slower; the machine {step.drift:+.1%}; changed: {changed}",
            highlight=False,
        )
        if step.slower:
            console.print(_slower(step.slower))
    _show_false_alarms(report, console)
    if ratios:
        console.print(_ratios(report.runs))
    if listing:
        console.print(_points(report.runs))


def _slower(found: Sequence[Change]) -> Table:
    table = Table("package", "benchmark", box=None, padding=(0, 1, 0, 0))
    for column in ("slower by", "confidence", "spread before, after", "load before, after"):
        table.add_column(column, justify="right")
    for change in sorted(found, key=lambda one: (one.package, -one.ratio)):
        table.add_row(
            change.package,
            " ".join(change.name),
            f"{change.ratio - 1.0:.1%}",
            f"{min(change.confidence, 0.99999):.3%}",
            ", ".join(f"{spread:.1%}" for spread in change.spreads),
            ", ".join(map(_load, change.loads)),
        )
    return table


def _show_false_alarms(report: Report, console: Console) -> None:
    false = report.false
    if false.judged:
        text = (
            f"False alarms: {false.alarms} of {false.judged} benchmarks "
            f"({false.alarms / false.judged:.2%}) in {false.pairs} pairs of runs of one commit."
        )
    else:
        text = "False alarms: not measured; `hatch run bench-repeats 4 HEAD` measures them."
    rule = (
        f"Noise from {report.noise}; alarms from {LEAST:.0%} on, of which {FALSE_DISCOVERIES:.0%} "
        "are expected to be false."
    )
    console.print(f"{text}\n{rule}", highlight=False)


def _ratios(runs: Sequence[Run]) -> Table:
    commits = [*dict.fromkeys(run.commit for run in runs)]
    table = Table("other framework / ours", *(commit[:8] for commit in commits), box=None)
    for (name, own), values in ratios_to_rivals(runs).items():
        cells = {
            commit: statistics.median(ratio for at, ratio in values if at == commit)
            for commit, _ in values
        }
        title = f"{' '.join(name)} / {next(iter(set(own) - set(name)), '')}"
        table.add_row(title, *(f"{cells[one]:.2f}" if one in cells else "" for one in commits))
    return table


def _points(runs: Sequence[Run]) -> Table:
    table = Table("commit", "benchmark", box=None, padding=(0, 1, 0, 0))
    for column in ("value", "spread", "samples", "load"):
        table.add_column(column, justify="right")
    for run in runs:
        for point in run.points.values():
            table.add_row(
                run.commit[:8],
                " ".join(point.name),
                f"{point.value:.4g}",
                f"{point.spread:.1%}",
                str(point.samples),
                _load(point.load),
            )
    return table


def _load(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}"


def to_json(report: Report) -> dict[str, Any]:
    """Return all findings as plain values."""
    return {
        "steps": [
            {
                **asdict(step),
                "slower": [{**asdict(one), "package": one.package} for one in step.slower],
            }
            for step in report.steps
        ],
        "false_alarms": asdict(report.false),
        "noise": report.noise,
        "ratios": [
            {"rival": name, "ours": own, "by_commit": values}
            for (name, own), values in ratios_to_rivals(report.runs).items()
        ],
        "runs": [
            {
                "commit": run.commit,
                "machine": run.machine,
                "points": [_point(point) for point in run.points.values()],
            }
            for run in report.runs
        ],
    }


def _point(point: Point) -> dict[str, Any]:
    return {**asdict(point), "package": points.package_of(point.name)}


if __name__ == "__main__":
    main()
