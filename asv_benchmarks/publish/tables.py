"""Results as tables in Markdown."""

from collections.abc import Iterable, Sequence

from asv_benchmarks.conditions import BLAS_WAIT
from asv_benchmarks.contenders.names import AS_INSTALLED, BEST, TITLES
from asv_benchmarks.contenders.settings import rival_of, title
from asv_benchmarks.peers.floors import reason_of
from asv_benchmarks.peers.results import Comparison, Result, Table
from asv_benchmarks.peers.terminal import named, quantity


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns except the first are right-aligned."""
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    return "\n".join([*lines, *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def conditions(table: Table) -> str:
    """Return the conditions of a table as one or two sentences."""
    c = table.conditions
    versions = table.versions
    known = [f"{name} {versions[name]}" for name in _PACKAGES if name in versions]
    threads = "one thread" if c["threads"] == 1 else f"{c['threads']} threads"
    load = f"load {c['load']:g} at the beginning and {table.load_after:g} at the end"
    return (
        f"Measured on {c['date']} at commit {c['commit']}: {c['processor']}, {c['cores']} cores, "
        f"{threads}, {load}; Python {c['python']}, {', '.join(known)}; single precision, "
        f"{table.effort['rounds']} rounds of {1e3 * table.effort['seconds']:.0f} ms, contenders "
        f"in turn.{_BLAS_WAIT if any(AS_INSTALLED in row.times for row in table.rows) else ''}"
        f"{'' if any('+' in name for row in table.rows for name in row.times) else _UNSEARCHED}"
    )


_UNSEARCHED = " Every framework ran with its default settings."


_BLAS_WAIT = (
    f" Idle threads of NumPy's BLAS sleep at once (`{BLAS_WAIT}=4`, which `hatch run` sets), but "
    f"not in {TITLES[AS_INSTALLED]}."
)


_PACKAGES = ("numpy", "blas", "numba", "torch", "jax", "tinygrad")


def steps(table: Table) -> str:
    """Return a table of training steps: our time, the best of all, and PyTorch's default."""
    threads = table.conditions["threads"]
    head = f"ours, {'1 thread' if threads == 1 else f'{threads} threads'}"
    rows = [
        [row.title, time(row, row.ours), _best(row), _beside(row, "torch")]
        for row in table.rows
        if row.group == "training step" and row.best is not None
    ]
    return markdown(["training step", head, BEST_OF_ALL, DEFAULT], rows)


BEST_OF_ALL, DEFAULT = TITLES[BEST], "PyTorch's default"
"""Columns of the fastest framework in its fastest setting, and of PyTorch as it starts."""


def everything(table: Table, kind: str) -> str:
    """Return all rows of a result as one Markdown table per group, and the rows that fall short.

    Args:
        table: The result.
        kind: The kind of processor, to which reasons belong.
    """
    parts = []
    for group in dict.fromkeys(row.group for row in table.rows):
        rows = [row for row in table.rows if row.group == group]
        parts.append(f"**{group[0].upper()}{group[1:]}**\n\n{_group(rows)}")
    if table.missed:
        parts.append(f"**Falls short**\n\n{_falls_short(table, kind)}")
    parts += [f"`{note}`" for note in table.notes]
    return "\n\n".join(parts)


def _falls_short(table: Table, kind: str) -> str:
    """Return the rows that miss a required ratio, with the share of the roofline and the reason."""
    threads = table.conditions["threads"]
    rows = [
        [
            row.title,
            named(name, row),
            _ratio(row.comparisons[name]),
            f"{row.comparisons[name].must:g}",
            _share(row),
            row.reason or reason_of(row.key, kind, threads) or "not known",
        ]
        for row in table.missed
        for name in row.missed
    ]
    return markdown(["", "beside", "ratio", "has to reach", "roofline", "reason"], rows)


def _group(rows: Sequence[Result]) -> str:
    """Return the rows of a group; a rival other than PyTorch has a column for its best setting."""
    compared = dict.fromkeys(rival_of(name) for row in rows for name in row.comparisons)
    rivals = [name for name in compared if name not in (BEST, "torch")]
    if rows[0].unit != "ms" or not any(row.best for row in rows):
        first, rivals = [], [*compared]
    else:
        first = [BEST_OF_ALL, DEFAULT]
    head = ["", "ours", *first, *map(title, rivals), "has to reach", "roofline"]
    lines = []
    for row in rows:
        cells = [row.title, time(row, row.ours)]
        if first:
            cells += [_best(row), _beside(row, "torch")]
        cells += [_beside(row, rival) for rival in rivals]
        lines.append([*cells, _targets(row), _share(row)])
    return markdown(head, lines)


def _targets(row: Result) -> str:
    """Return the required ratios of a row, each with its rival."""
    required = {name: one for name, one in row.comparisons.items() if one.must is not None}
    return "; ".join(
        f"{title(rival_of(name))} {one.must:g}{_missed(one)}" for name, one in required.items()
    )


def _share(row: Result) -> str:
    return "" if row.share is None else f"{row.share:.0%}"


def _best(row: Result) -> str:
    """Return time, name and ratio of the fastest framework."""
    if row.best is None:
        return ""
    ratio = _ratio(row.comparisons[row.best])
    return f"{title(row.best)}, {time(row, row.best)}: {ratio}"


def _beside(row: Result, rival: str) -> str:
    """Return time and ratio of a rival, of its setting where it was measured in one only."""
    names = [name for name in row.comparisons if rival_of(name) == rival]
    if not names:
        return ""
    name = rival if rival in names else names[0]
    return f"{time(row, name)}: {_ratio(row.comparisons[name])}"


def _missed(one: Comparison) -> str:
    return " (**missed**)" if one.verdict == "missed" else ""


def time(row: Result, name: str) -> str:
    """Return the time of a contender as text, "absent" if it could not run."""
    return quantity(row.times[name].counted, row.unit) if name in row.times else "absent"


def _ratio(one: Comparison) -> str:
    return f"**{one.ratio.conservative:.2g}×** ± {one.ratio.spread:.1g}"
