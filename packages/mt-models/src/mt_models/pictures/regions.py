"""Points in the plane, and the regions in which a network predicts each class."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from mt_models.pictures.colours import BLUE, INK, ORANGE
from mt_models.pictures.style import new_figure, styled
from mt_models.problems import Points

MARGIN = 0.05
"""The margin around the unit square of the points."""
SIDE = 60
"""The number of points along each axis at which the network is evaluated. Networks of scalars take
a second for more."""


def regions(problem: Points) -> Figure:
    """Draw the points over the probability of class 1, with the boundary at 50 %.

    Wrongly classified points have a cross.
    """
    points, labels = problem.train.inputs, problem.train.labels
    # Points at the edge are drawn whole.
    low = min(0.0, float(points.min())) - MARGIN
    high = max(1.0, float(points.max())) + MARGIN
    axis = np.linspace(low, high, SIDE)
    x, y = np.meshgrid(axis, axis)
    grid = np.column_stack([x.ravel(), y.ravel()])
    share = problem.probabilities(grid)[:, 1].reshape(SIDE, SIDE)
    wrong = problem.probabilities(points).argmax(1) != labels
    colours = LinearSegmentedColormap.from_list("classes", [ORANGE, "white", BLUE])
    with styled():
        figure = new_figure(4.6, 4)
        axes = figure.subplots()
        image = axes.imshow(
            share,
            origin="lower",
            extent=(low, high, low, high),
            cmap=colours,
            vmin=0,
            vmax=1,
            alpha=0.6,
            interpolation="bilinear",
        )
        if share.min() < 0.5 < share.max():
            axes.contour(x, y, share, levels=[0.5], colors=INK, linewidths=1)
        for label, colour, marker in ((0, ORANGE, "o"), (1, BLUE, "s")):
            chosen = points[labels == label]
            axes.scatter(
                chosen[:, 0],
                chosen[:, 1],
                c=colour,
                marker=marker,
                edgecolors="white",
                label=f"class {label}",
            )
        if wrong.any():
            axes.scatter(points[wrong, 0], points[wrong, 1], c=INK, marker="x", s=60, label="wrong")
        axes.set_xlabel("x₁")
        axes.set_ylabel("x₂")
        axes.set_title(f"{(~wrong).sum()} of {len(labels)} points right")
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        figure.colorbar(image, ax=axes, label="probability of class 1")
    return figure
