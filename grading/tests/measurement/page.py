"""The tables of what was measured, in a document."""

from collections import Counter
from collections.abc import Iterable, Sequence

from grading.paths import ROOT
from grading.tests.measurement.cases import PARTS, Case, Part, Results
from tools.blocks import write_block

FILE = ROOT / "docs" / "results" / "marks" / "marks.json"
PAGE = ROOT / "docs" / "guides" / "marks.md"

HEADS: dict[Part, tuple[str, str]] = {
    "mutant": ("wrong code", "caught"),
    "attack": ("attacks on", "survived"),
    "style": ("right code in other styles", "full marks"),
    "verdict": ("tasks of the tree", "agree with the known verdict"),
}
"""Heads of the columns of each part: its rows, and the count."""


def tables(cases: Sequence[Case]) -> str:
    """Return a table for each part that has cases."""
    parts = ((part, [case for case in cases if case.part == part]) for part in PARTS)
    return "\n\n".join(_table(part, of_part) for part, of_part in parts if of_part)


def _table(part: Part, cases: Sequence[Case]) -> str:
    """Return the table of a part: a row for each group, and their sum."""
    row_head, count_head = HEADS[part]
    lines = [f"| {row_head} | {count_head} | of | not run |", "| --- | ---: | ---: | ---: |"]
    groups = {case.group: None for case in cases}
    rows = [(group, [case for case in cases if case.group == group]) for group in groups]
    for name, of_group in [*rows, ("**all**", cases)]:
        counts = outcomes(of_group)
        ran = counts["passed"] + counts["failed"]
        lines.append(f"| {name} | {counts['passed']} | {ran} | {len(of_group) - ran or ''} |")
    return "\n".join(lines)


def outcomes(cases: Iterable[Case]) -> Counter[str]:
    """Count the outcomes of cases."""
    return Counter(case.outcome for case in cases)


def block(results: Results) -> str:
    """Return what the page says of the results."""
    commits = ", ".join(sorted({case.commit for case in results.cases} - {""}))
    conditions = f"Measured on {results.date} at commit {commits}: {results.conditions}."
    failed = [case.id.rpartition("::")[2] for case in results.cases if case.outcome == "failed"]
    fell = "".join(f"- `{name}`\n" for name in failed)
    return f"{conditions}\n\n{tables(results.cases)}\n\n" + (f"Failed:\n\n{fell}" if fell else "")


def write(results: Results) -> None:
    """Write the results into the page."""
    write_block(PAGE, "marks", block(results))
