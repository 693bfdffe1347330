"""Results as tables in Markdown."""

from collections.abc import Iterable, Sequence

from asv_benchmarks.conditions import BLAS_WAIT
from asv_benchmarks.contenders.names import AS_INSTALLED
from asv_benchmarks.peers.results import Comparison, Result, Table
from asv_benchmarks.peers.terminal import quantity

DISPLAY_NAMES = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "torch-compile": "torch.compile",
    "jax": "JAX",
    "tinygrad": "tinygrad",
    "fast": "`fast`",
    "naive": "naive loops",
    "linear": "in proportion",
    AS_INSTALLED: "ours, as pip installs it",
}
"""Names of contenders in the documents."""


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
    )


_BLAS_WAIT = (
    f" Idle threads of NumPy's BLAS sleep at once (`{BLAS_WAIT}=4`, which `hatch run` sets), but "
    f"not in {DISPLAY_NAMES[AS_INSTALLED]}."
)


_PACKAGES = ("numpy", "blas", "numba", "torch", "jax", "tinygrad")


def steps(table: Table) -> str:
    """Return a table of training steps: our time, PyTorch's and the ratio."""
    threads = table.conditions["threads"]
    named = "1 thread" if threads == 1 else f"{threads} threads"
    rows = [
        [row.title, time(row, row.ours), time(row, "torch"), _ratio(one)]
        for row in table.rows
        if row.group == "training step" and (one := row.comparisons.get("torch")) is not None
    ]
    return markdown(["training step", f"ours, {named}", "PyTorch", "times as fast"], rows)


def everything(table: Table) -> str:
    """Return all rows of a result as one Markdown table per group."""
    parts = []
    for group in dict.fromkeys(row.group for row in table.rows):
        rows = [row for row in table.rows if row.group == group]
        parts.append(f"**{group[0].upper()}{group[1:]}**\n\n{_group(rows)}")
    parts += [f"`{note}`" for note in table.notes]
    return "\n\n".join(parts)


def _group(rows: Sequence[Result]) -> str:
    rivals = [*dict.fromkeys(name for row in rows for name in row.comparisons)]
    head = [
        "",
        "ours",
        *(DISPLAY_NAMES.get(name, name) for name in rivals),
        "has to reach",
        "roofline",
    ]
    lines = []
    for row in rows:
        cells = [row.title, time(row, row.ours)]
        for name in rivals:
            one = row.comparisons.get(name)
            cells.append("" if one is None else f"{time(row, name)}: {_ratio(one)}")
        targets = [
            f"{one.must:g}" + _missed(one)
            for one in row.comparisons.values()
            if one.must is not None
        ]
        share = "" if row.share is None else f"{row.share:.0%}"
        lines.append([*cells, "; ".join(targets), share])
    return markdown(head, lines)


def _missed(one: Comparison) -> str:
    return " (**missed**)" if one.verdict == "missed" else ""


def time(row: Result, name: str) -> str:
    """Return the time of a contender as text, "absent" if it could not run."""
    return quantity(row.times[name].counted, row.unit) if name in row.times else "absent"


def _ratio(one: Comparison) -> str:
    return f"**{one.ratio.conservative:.2g}×** ± {one.ratio.spread:.1g}"
