"""The tables of named causes, in the page on the reliability of marks."""

from collections import Counter
from collections.abc import Sequence

from grading.paths import ROOT
from grading.tests.causes.cases import Case, Results
from tools.blocks import write_block

FILE = ROOT / "docs" / "results" / "marks" / "causes.json"
PAGE = ROOT / "docs" / "guides" / "marks.md"

HEADS = {False: "mistakes of the tests", True: "generic mistakes"}
"""Heads of the first columns of both tables."""


def tables(cases: Sequence[Case]) -> str:
    """Return a table of the mistakes of the tests, and one of generic mistakes."""
    return "\n\n".join(
        _table(head, [case for case in cases if case.untuned is untuned])
        for untuned, head in HEADS.items()
        if any(case.untuned is untuned for case in cases)
    )


def _table(head: str, cases: Sequence[Case]) -> str:
    """Return a table with a row for each module and their sum."""
    lines = [
        f"| {head} | named right | named wrong | unnamed | not caught |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    modules = sorted({case.module for case in cases})
    rows = [(name, [case for case in cases if case.module == name]) for name in modules]
    for name, own in [*rows, ("**all**", cases)]:
        counts = Counter(case.outcome for case in own)
        caught = len(own) - counts["not caught"]
        cells = [_share(counts[key], caught) for key in ("right", "wrong", "unnamed")]
        lines.append(f"| {name} | {' | '.join(cells)} | {counts['not caught'] or ''} |")
    return "\n".join(lines)


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.0f} %)" if of else "0"


def agreement(cases: Sequence[Case]) -> str:
    """Return a sentence about mutants that were measured with several seeds; empty if none was."""
    by_mutant: dict[str, list[Case]] = {}
    for case in cases:
        by_mutant.setdefault(case.mutant, []).append(case)
    several = [own for own in by_mutant.values() if len(own) > 1]
    if not several:
        return ""
    alike = sum(len({case.causes for case in own}) == 1 for own in several)
    return f"{len(several)} mistakes were measured with several seeds; {alike} got equal causes."


def block(results: Results) -> str:
    """Return the text of the page about the results."""
    seeds = sorted({case.seed for case in results.cases})
    words = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    head = f"Measured on {results.date} at commit {results.commit}, {words}."
    return f"{head} {agreement(results.cases)}".strip() + f"\n\n{tables(results.cases)}"


def write(results: Results) -> None:
    """Write the results into the page."""
    write_block(PAGE, "causes", block(results))
