"""Pictures of results as SVG; equal numbers give equal files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from asv_benchmarks.contenders.names import BEST
from asv_benchmarks.peers.results import Result, Table
from mt_models.pictures.colours import BLUE, GREY, INK, ORANGE
from mt_models.pictures.style import new_figure, styled


def save(figure: Figure, path: Path) -> None:
    """Write a picture as SVG, without date and with fixed identifiers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with styled(), mpl.rc_context({"svg.hashsalt": "minitorch", "svg.fonttype": "path"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
    # One newline at the end, as in every file of the repository.
    lines = [line.rstrip() for line in path.read_text("utf-8").splitlines()]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def beside_the_best(table: Table) -> Figure:
    """Draw the speed of each row relative to the fastest framework, and the required ratio."""
    rows = [row for row in table.rows if row.best is not None and row.unit == "ms"]
    figure = new_figure(8.0, 1.0 + 0.24 * len(rows))
    with styled():
        axes: Axes = figure.add_subplot()
        for at, row in enumerate(rows):
            _bar(axes, at, row)
        axes.set_yticks(range(len(rows)), [_title(row) for row in rows], fontsize=8)
        axes.invert_yaxis()
        axes.axvline(1.0, color=INK, linewidth=1.0)
        _logarithmic(axes)
        axes.set_xlabel("times as fast as the best of all (logarithmic); orange: required")
        axes.margins(y=0.01)
    return figure


def _title(row: Result) -> str:
    """Return a title that is clear without the name of the group."""
    kind = row.group.split(",")[0]
    return f"{kind} {row.title}" if kind in ("conv1d", "conv2d") else row.title


def _bar(axes: Axes, at: int, row: Result) -> None:
    assert row.best is not None
    one = row.comparisons.get(BEST, row.comparisons[row.best])
    ratio = one.ratio.conservative
    axes.barh(at, ratio - 1.0, left=1.0, height=0.7, color=BLUE if ratio >= 1.0 else GREY)
    if one.must is not None:
        axes.plot([one.must] * 2, [at - 0.42, at + 0.42], color=ORANGE, linewidth=2.0)


def _logarithmic(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", color=GREY, alpha=0.3)
    axes.set_axisbelow(True)


def stages(seconds: Mapping[str, float]) -> Figure:
    """Draw the duration of one training step for each stage.

    Args:
        seconds: Seconds by the title of the stage.
    """
    figure = new_figure(7.0, 0.8 + 0.42 * len(seconds))
    with styled():
        axes: Axes = figure.add_subplot()
        colours = [GREY if "PyTorch" in name else BLUE for name in seconds]
        bars = axes.barh(list(seconds), [1e3 * s for s in seconds.values()], color=colours)
        axes.bar_label(bars, [duration(s) for s in seconds.values()], padding=4, fontsize=9)
        axes.invert_yaxis()
        axes.set_xscale("log")
        milliseconds = [1e3 * value for value in seconds.values()]
        axes.set_xlim(min(milliseconds) / 5, max(milliseconds) * 10)
        axes.set_xlabel("milliseconds for one training step (logarithmic)")
    return figure


def shares(parts: Mapping[str, Sequence[tuple[str, float]]]) -> Figure:
    """Draw the share of each operation in a step, one bar for each stage.

    Args:
        parts: Operations and their seconds by stage, the largest first.
    """
    names = [*dict.fromkeys(name for stage in parts.values() for name, _ in stage)]
    palette = mpl.colormaps["tab20"]
    figure = new_figure(8.0, 1.4 + 0.5 * len(parts))
    with styled():
        axes: Axes = figure.add_subplot()
        for at, stage in enumerate(parts.values()):
            total, left = sum(seconds for _, seconds in stage), 0.0
            for name, seconds in stage:
                share = seconds / total
                axes.barh(at, share, left=left, height=0.6, color=palette(names.index(name) % 20))
                if share > 0.12:
                    axes.text(left + share / 2, at, name, ha="center", va="center", fontsize=7)
                left += share
        axes.set_yticks(range(len(parts)), list(parts))
        axes.invert_yaxis()
        axes.set_xlim(0.0, 1.0)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0%}"))
        axes.set_xlabel("share of the step, forward and backward together")
    return figure


def duration(seconds: float) -> str:
    """Return a duration as text: in seconds from 1 s on, else in milliseconds."""
    if seconds >= 1.0:
        return f"{seconds:.3g} s"
    return f"{1e3 * seconds:.3g} ms"
