"""The table as text on the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from asv_benchmarks.contenders.names import BEST
from asv_benchmarks.contenders.settings import title
from asv_benchmarks.peers.against import Change
from asv_benchmarks.peers.results import Comparison, Result, Table

COLOURS = {
    "aim reached": "bold green",
    "reached": "green",
    "within its spread": "yellow",
    "at the roofline": "yellow",
    "missed": "bold red",
    "reported": "default",
}
UNKNOWN_REASON = "not known; write it into asv_benchmarks/peers/floors.toml"

CHANGE_COLOURS = {"as fast": "green", "slower": "bold red", "measure again": "yellow"}


def heading(
    conditions: Mapping[str, Any], versions: Mapping[str, str], effort: Mapping[str, Any]
) -> str:
    """Return the conditions as one or two lines."""
    c = conditions
    listed = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    threads = "1 thread" if c["threads"] == 1 else f"{c['threads']} threads"
    return (
        f"{c['date']}, commit {c['commit']}; {c['processor']}, {c['cores']} cores, {threads}, "
        f"load {c['load']:.2f}; Python {c['python']}; {listed}; "
        f"{effort['rounds']} rounds of {1e3 * effort['seconds']:.0f} ms"
    )


def quantity(value: float, unit: str) -> str:
    """Return a time or size as text, with three digits and its unit."""
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{digits} {unit}"


def _limits(table: Table) -> str:
    """Return the peaks of the machine, to which the column "roof" refers, as text."""
    if not table.limits:
        return ""
    flops, memory = table.limits["flops"] / 1e9, table.limits["bytes"] / 1e9
    return f"; the machine: {flops:.0f} Gflop/s in sgemm, {memory:.0f} GB/s copied"


def show(table: Table, console: Console) -> None:
    """Print all rows of a table, group by group."""
    first = heading(table.conditions, table.versions, table.effort)
    console.print(first + _limits(table), highlight=False)
    for group in dict.fromkeys(row.group for row in table.rows):
        console.print(_group(group, [row for row in table.rows if row.group == group]))
    for note in table.notes:
        console.print(note, highlight=False)
    if table.missed:
        console.print(_missed(table.missed))


def _missed(rows: Iterable[Result]) -> RichTable:
    """Return the table of the rows that fall short, with the share of the roofline and reasons."""
    rich = _empty("falls short", ("rival", "ratio", "must", "roof"))
    rich.add_column("reason")
    for row in rows:
        share = "" if row.share is None else f"{row.share:.0%}"
        for name in row.missed:
            one = row.comparisons[name]
            ratio, must = f"{one.ratio.conservative:.2f}", f"{one.must:g}"
            reason = row.reason or UNKNOWN_REASON
            rich.add_row(row.key, named(name, row), ratio, must, share, reason)
    return rich


def named(name: str, row: Result) -> str:
    """Return the title of a rival; that of the best of all names the framework and setting."""
    return f"best: {title(row.best)}" if name == BEST and row.best else title(name)


def show_changes(changes: Sequence[Change], commit: str, console: Console) -> None:
    """Print a comparison with an older commit, group by group."""
    for group in dict.fromkeys(change.group for change in changes):
        rich = _empty(group, (commit, "now", "ratio", "range", ""))
        for change in changes:
            if change.group == group:
                rich.add_row(change.title, *_change(change))
        console.print(rich)
    for change in changes:
        if change.error is not None:
            console.print(f"{change.key} failed: {change.error}", highlight=False)
        elif change.verdict == "slower":
            console.print(f"[bold red]slower[/] {change.key}: {change.title}", highlight=False)
    unsure = [change.key for change in changes if change.verdict == "measure again"]
    if unsure:
        console.print(f"measure again, the ratios vary too much: {', '.join(unsure)}")


def _change(change: Change) -> list[str]:
    """Return the cells of a row: both medians, the ratio, its interquartile range, the verdict."""
    times = [
        "absent" if time is None else quantity(time, "ms") for time in (change.before, change.now)
    ]
    if not change.ratios:
        return [*times, "", "", ""]
    colour = CHANGE_COLOURS[change.verdict]
    return [
        *times,
        f"[{colour}]{change.median:.3f}[/]",
        f"{change.range:.3f}",
        f"[{colour}]{change.verdict}[/]",
    ]


def _empty(heading: str, columns: Iterable[str]) -> RichTable:
    """Return a table without rows, whose first column is for titles."""
    rich = RichTable(
        title=heading,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    rich.add_column("", no_wrap=True)
    for name in columns:
        left = name in ("rival", "")
        rich.add_column(name, justify="left" if left else "right", no_wrap=True)
    return rich


def _group(group: str, rows: Iterable[Result]) -> RichTable:
    rich = _empty(group, ("ours", "rival", "its", "ratio", "least", "must", "aim", "roof", ""))
    for row in rows:
        ours = row.times.get(row.ours)
        cells = [row.title, quantity(ours.counted, row.unit) if ours else "absent"]
        for rival, one in row.comparisons.items():
            time = row.times[(rival == BEST and row.best) or rival]
            rich.add_row(
                *cells,
                named(rival, row),
                quantity(time.counted, row.unit),
                *_ratios(one, row if cells[0] else None),
            )
            cells = ["", ""]
        for rival in row.absent:
            if rival != row.ours:
                rich.add_row(*cells, title(rival), "absent", *[""] * 6)
                cells = ["", ""]
        if cells[0]:
            rich.add_row(*cells, *[""] * 8)
    return rich


def _ratios(one: Comparison, row: Result | None) -> list[str]:
    share = row.share if row else None
    colour = COLOURS[one.verdict]
    return [
        f"[{colour}]{one.ratio.median:.2f} ± {one.ratio.spread:.2f}[/]",
        f"{one.ratio.least:.2f}",
        "" if one.must is None else f"{one.must:g}",
        "" if one.aim is None else f"{one.aim:.3g}",
        "" if share is None else f"{share:.0%}",
        f"[{colour}]{'' if one.verdict == 'reported' else one.verdict}[/]",
    ]
