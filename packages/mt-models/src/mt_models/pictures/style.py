"""How every picture of a run looks."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib.figure import Figure

from mt_models.pictures.colours import GREY, INK

STYLE: dict[str, Any] = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.dpi": 120,
    "figure.facecolor": "white",
    "font.size": 10,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def styled() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in this style."""
    # matplotlib's types list every setting by name, which a plain dict cannot satisfy.
    return mpl.rc_context(cast(Any, STYLE))


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, laid out so that nothing overlaps."""
    with styled():
        return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG and return the path."""
    with styled():
        figure.savefig(path)
    return path
