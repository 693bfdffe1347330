"""The confusion matrix."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mt_models.pictures.colours import INK
from mt_models.pictures.style import new_figure, styled
from mt_models.problems import Evaluation

NUMBERED = 30
"""The largest number of classes whose counts are written into the matrix."""


def confusion_matrix(evaluation: Evaluation, classes: int) -> npt.NDArray[np.int64]:
    """Count the examples of each true class (row) and predicted class (column).

    Shape:
        (classes, classes).
    """
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (evaluation.labels, evaluation.predictions), 1)
    return counts


def confusion(evaluation: Evaluation, names: Sequence[str]) -> Figure:
    """Draw the confusion matrix, each row shaded by its fractions."""
    counts = confusion_matrix(evaluation, len(names))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    numbered = len(names) <= NUMBERED
    side = max(3.4, 0.5 * min(len(names), NUMBERED) + 1.2)
    with styled():
        figure = new_figure(side, side)
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            if count and numbered:
                colour = "white" if shares[row, column] > 0.5 else INK
                axes.text(column, row, f"{count}", ha="center", va="center", color=colour, size=8)
        ticks = range(len(names))
        long = max(map(len, names)) > 2
        upright = 90 if long and len(names) > 3 else 0
        size = 10 if numbered else 10 * NUMBERED / len(names)
        axes.set_xticks(ticks, names, size=size, rotation=upright, parse_math=False)
        turned = 90 if long and not upright else 0
        axes.set_yticks(ticks, names, size=size, rotation=turned, va="center", parse_math=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.set_title(f"{evaluation.accuracy:.2%} of {len(evaluation.labels):,} right")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    return figure
