"""The command ``hatch run mpi:speed``; see the package."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from asv_benchmarks.conditions import Conditions, load
from asv_benchmarks.publish.tables import markdown
from asv_benchmarks.ranks.measure import CASES, LAYOUTS, measure
from tools.blocks import write_block

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "results" / "speed" / "ranks.json"
GUIDE = ROOT / "docs" / "guides" / "several-processes.md"

Times = Mapping[str, Mapping[str, Mapping[str, list[float]]]]
"""Times of a step in seconds, one for each round, by contender, case and layout."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True)
@click.option("--steps", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--store", is_flag=True, help="Write the results to the guide and to its data file.")
def main(rounds: int, steps: int, store: bool) -> None:
    """Measure training steps on two ranks beside one process; print a table."""
    conditions = Conditions.now(1).to_json()
    times: dict[str, dict[str, dict[str, list[float]]]] = {}
    for contender, case, layout, seconds in measure(rounds, steps):
        of_case = times.setdefault(contender, {}).setdefault(case, {})
        of_case.setdefault(layout, []).append(seconds)
        click.echo(f"{contender}, {case}, {layout}: {1e3 * seconds:.3f} ms", err=True)
    found = {
        "conditions": {**conditions, "load_after": round(load(), 2)},
        "rounds": rounds,
        "steps": steps,
        "times": times,
    }
    text = table(found)
    click.echo(text)
    if store:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        write_block(GUIDE, "speed", text)


def table(found: Mapping[str, Any]) -> str:
    """Return the table of a measurement, and its conditions."""
    rows = []
    times: Times = found["times"]
    for case in CASES:
        for contender, of_contender in times.items():
            medians = {name: statistics.median(of_contender[case][name]) for name in LAYOUTS}
            both = medians["2 × 1"]
            rows.append(
                [
                    case,
                    {"ours": "ours", "torch": "PyTorch"}[contender],
                    *(f"{1e3 * medians[name]:.3g} ms" for name in LAYOUTS),
                    f"{_ratio(of_contender[case], '1 × 1'):.2f}×",
                    f"{_ratio(of_contender[case], '1 × 2'):.2f}×",
                    f"{statistics.median(times['torch'][case]['2 × 1']) / both:.1f}×"
                    if contender == "ours" and "torch" in times
                    else "",
                ]
            )
    head = ["training step", "", *LAYOUTS, "to 1 × 1", "to 1 × 2", "ahead of DDP"]
    c = found["conditions"]
    return (
        markdown(head, rows)
        + f"\n\nMeasured on {c['date']} at commit {c['commit']}: {c['processor']}, {c['cores']} "
        f"cores, load {c['load']:g} at the beginning and {c['load_after']:g} at the end; the "
        f"median of {found['rounds']} rounds in turn, each the median of {found['steps']} steps in "
        "new processes."
    )


def _ratio(of_case: Mapping[str, list[float]], layout: str) -> float:
    """Return how many times two ranks are as fast: the median of the rounds' ratios."""
    pairs = zip(of_case[layout], of_case["2 × 1"], strict=True)
    return statistics.median(other / both for other, both in pairs)


if __name__ == "__main__":
    main()
