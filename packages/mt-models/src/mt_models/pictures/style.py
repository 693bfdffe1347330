"""The style of the pictures of a run."""

import io
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib.figure import Figure

from mt_models.files import replace_file
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
    """Return a context manager that sets this style in matplotlib."""
    # matplotlib's types list every setting by name; a plain dict does not match them.
    return mpl.rc_context(cast(Any, STYLE))


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, with constrained layout."""
    with styled():
        return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG and return the path.

    Raises:
        OSError: It cannot be written. A previous file is intact.
    """
    content = io.BytesIO()
    with styled():
        figure.savefig(content, format="png")
    replace_file(path, content.getvalue())
    return path
