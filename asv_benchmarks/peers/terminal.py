"""The table on the terminal."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from asv_benchmarks.peers.results import Comparison, Result, Table

COLOURS = {
    "aim reached": "bold green",
    "reached": "green",
    "within its spread": "yellow",
    "missed": "bold red",
    "reported": "default",
}


def heading(table: Table) -> str:
    """Return the conditions in a line or two."""
    c = table.conditions
    versions = ", ".join(f"{name} {version}" for name, version in sorted(table.versions.items()))
    threads = "1 thread" if c["threads"] == 1 else f"{c['threads']} threads"
    return (
        f"{c['date']}, commit {c['commit']}; {c['processor']}, {c['cores']} cores, {threads}, "
        f"load {c['load']:.2f}; Python {c['python']}; {versions}; "
        f"{table.effort['rounds']} rounds of {1e3 * table.effort['seconds']:.0f} ms{_limits(table)}"
    )


def quantity(value: float, unit: str) -> str:
    """Return a time or size with three digits and its unit."""
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{digits} {unit}"


def _limits(table: Table) -> str:
    """Return what the machine can do, against which the column "roof" is."""
    if not table.limits:
        return ""
    flops, memory = table.limits["flops"] / 1e9, table.limits["bytes"] / 1e9
    return f"; the machine: {flops:.0f} Gflop/s in sgemm, {memory:.0f} GB/s copied"


def show(table: Table, console: Console) -> None:
    """Print all rows, group by group."""
    console.print(heading(table), highlight=False)
    for group in dict.fromkeys(row.group for row in table.rows):
        console.print(_group(group, [row for row in table.rows if row.group == group]))
    for note in table.notes:
        console.print(note, highlight=False)
    for row in table.missed:
        rivals = " and ".join(row.missed)
        console.print(f"[bold red]missed[/] {row.key}: {row.title}, {rivals}", highlight=False)


def _group(title: str, rows: Iterable[Result]) -> RichTable:
    rich = RichTable(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    rich.add_column("", no_wrap=True)
    for name in ("ours", "rival", "its", "ratio", "least", "must", "aim", "roof", ""):
        left = name in ("rival", "")
        rich.add_column(name, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        ours = row.times.get(row.ours)
        cells = [row.title, quantity(ours.counted, row.unit) if ours else "absent"]
        for rival, one in row.comparisons.items():
            time = row.times[rival]
            rich.add_row(
                *cells,
                rival,
                quantity(time.counted, row.unit),
                *_ratios(one, row if cells[0] else None),
            )
            cells = ["", ""]
        for rival in row.absent:
            if rival != row.ours:
                rich.add_row(*cells, rival, "absent", *[""] * 6)
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
