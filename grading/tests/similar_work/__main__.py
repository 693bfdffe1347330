"""The command `hatch run measure-similar`: compare50 and copydetect on planted copies."""

import datetime
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from grading.paths import ROOT
from grading.similar.compare import MINIMUM, TOKENS
from grading.tasks.table import table
from grading.tests.similar_work.disguises import DISGUISES
from grading.tests.similar_work.planted import (
    HALF,
    MODULES,
    ORDER,
    SCRIPTS,
    Planted,
    answer,
    planted,
)
from grading.tests.similar_work.solutions import all_variants
from tools.blocks import write_block

PAGE = ROOT / "docs" / "guides" / "similar-work.md"
PYTHON = ROOT / ".venv-similar-tools" / "bin" / "python"

LENGTHS = {"compare50": (4, 6, 8, 12), "copydetect": (12, 16, 20, 25)}
"""Lengths of compared sequences to choose from: tokens and characters."""

FALSE_ALARMS = 0.01
"""Share of the pairs of independent solutions above the threshold of a tool."""


@dataclass(frozen=True)
class Found:
    """Similarities in some classes.

    Attributes:
        independent: Those of the pairs without a common origin.
        copies: Those of copies and their sources, with the disguise.
    """

    independent: list[float]
    copies: list[tuple[str, float]]

    @property
    def threshold(self) -> float:
        """The similarity that the allowed share of independent pairs exceeds."""
        return sorted(self.independent)[int(len(self.independent) * (1 - FALSE_ALARMS))]

    def recall(self, threshold: float, disguise: str | None = None) -> float:
        """Return the share of copies above a threshold: of one disguise, or of all."""
        values = [value for name, value in self.copies if disguise in (None, name)]
        return sum(value > threshold for value in values) / len(values)

    def precision(self, threshold: float) -> float:
        """Return the share of copies among the pairs above a threshold."""
        copies = sum(value > threshold for _, value in self.copies)
        alarms = sum(value > threshold for value in self.independent)
        return copies / (copies + alarms) if copies + alarms else 0.0


def found_by(tool: str, length: int, classes: Sequence[Planted]) -> Found:
    """Return what a tool finds in some classes."""
    found = Found([], [])
    for each in classes:
        pairs = answer([str(PYTHON), str(SCRIPTS[tool])], each.texts, length)
        found.independent.extend(pairs.get(pair, 0.0) for pair in each.independent_pairs())
        found.copies.extend((name, pairs.get((at, copy), 0.0)) for copy, at, name in each.copies)
    return found


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--classes", default=8, type=click.IntRange(min=2), help="Classes of each module.")
@click.option("--dry-run", is_flag=True, help="Print the table, and publish nothing.")
def main(classes: int, dry_run: bool) -> None:
    """Measure how many planted copies compare50 and copydetect find at equal false alarms.

    The length of compared sequences is chosen on one half of the classes, and the results are those
    of the other half.
    """
    if not PYTHON.exists():
        print("there is no environment with both tools: hatch env create similar-tools")
        sys.exit(2)
    variants = all_variants(table())
    made = [[planted(variants, m, seed) for m in MODULES] for seed in range(classes)]
    first = [each for row in made[::2] for each in row]
    second = [each for row in made[1::2] for each in row]
    measured = {}
    for tool, lengths in LENGTHS.items():
        tried = {length: found_by(tool, length, first) for length in lengths}
        best = max(tried, key=lambda length: tried[length].recall(tried[length].threshold))
        measured[tool] = best, tried[best].threshold, found_by(tool, best, second)
        print(f"{tool}: {best} of {lengths}, threshold {tried[best].threshold:.3f}", flush=True)
    text = _text(measured, second)
    print(text)
    if not dry_run:
        write_block(PAGE, "similar", text)


def _text(measured: dict[str, tuple[int, float, Found]], classes: Sequence[Planted]) -> str:
    tools = list(measured)
    founds = [found for _, _, found in measured.values()]
    rows: dict[str, list[float]] = {
        "**all copies found (recall)**": [each.recall(each.threshold) for each in founds]
    }
    for name in (*DISGUISES, ORDER, HALF):
        rows[name] = [each.recall(each.threshold, name) for each in founds]
    rows["copies among the listed pairs (precision)"] = [
        each.precision(each.threshold) for each in founds
    ]
    lines = [f"| copies | {' | '.join(tools)} |", f"| --- |{' ---: |' * len(tools)}"]
    for name, values in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{value:.1%}' for value in values)} |")
    one = next(iter(measured.values()))[2]
    settings = ", ".join(
        f"{tool} with sequences of {length} {'tokens' if tool == 'compare50' else 'characters'} "
        f"(threshold {found.threshold:.2f})"
        for tool, (length, _, found) in measured.items()
    )
    found = measured["compare50"][2]
    alarms = sum(value >= MINIMUM for value in found.independent) / len(found.independent)
    copies = sum(value >= MINIMUM for _, value in found.copies) / len(found.copies)
    return (
        "\n".join(lines)
        + f"\n\nMeasured on {datetime.date.today().isoformat()} in {len(classes)} classes with "
        f"{len(one.copies)} planted copies and {len(one.independent)} pairs of independent "
        f"solutions, at {FALSE_ALARMS:.0%} false alarms: {settings}.\n\n"
        f"`--similar` uses {TOKENS} tokens, and lists pairs with a similarity of {MINIMUM} or "
        f"more: in these classes {copies:.1%} of the copies and {alarms:.1%} of the pairs of "
        "independent solutions."
    )


if __name__ == "__main__":
    main()
