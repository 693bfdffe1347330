"""Pictures of a digit classifier: kernels, hidden states, worst errors."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mt_autodiff import no_grad
from mt_models.networks import CourseLeNet, LeNet5, evaluating
from mt_models.pictures.errors import worst_errors
from mt_models.pictures.style import new_figure, styled
from mt_models.problems import Digits, Evaluation, image_batch


def filters(network: CourseLeNet | LeNet5) -> Figure:
    """Draw the kernels of the first convolution, on one colour scale with white at zero."""
    kernels = network.conv1.weight.value.to_numpy()[:, 0]  # (O, KH, KW)
    limit = float(np.abs(kernels).max()) or 1.0
    with styled():
        figure = new_figure(1.3 * len(kernels), 1.7)
        grid = figure.subplots(1, len(kernels), squeeze=False)[0]
        for axes, kernel in zip(grid, kernels, strict=True):
            image = axes.imshow(kernel, cmap="RdBu", vmin=-limit, vmax=limit)
            _bare(axes)
        figure.colorbar(image, ax=grid, shrink=0.8)
        figure.suptitle("kernels of the first convolution", size=11)
    return figure


def hidden_states(problem: Digits, count: int = 4) -> Figure:
    """Draw a few validation digits beside the outputs of both convolutions."""
    network = problem.network
    images = problem.validation.inputs[:count]
    with evaluating(network), no_grad():
        network(image_batch(images, problem.backend))
    assert network.mid is not None
    assert network.out is not None
    mid, out = network.mid.to_numpy(), network.out.to_numpy()
    columns = 1 + mid.shape[1] + out.shape[1]
    with styled():
        figure = new_figure(0.75 * columns, 0.8 * len(images) + 0.5)
        grid = figure.subplots(len(images), columns, squeeze=False)
        for row, image, first, second in zip(grid, images, mid, out, strict=True):
            for axes, picture in zip(row, [image, *first, *second], strict=True):
                axes.imshow(picture, cmap="gray_r")
                _bare(axes)
        grid[0][0].set_title("digit", size=9)
        grid[0][1].set_title("mid", size=9, loc="left")
        grid[0][1 + mid.shape[1]].set_title("out", size=9, loc="left")
    return figure


def worst_digits(
    images: npt.NDArray[np.uint8],
    evaluation: Evaluation,
    names: Sequence[str] = "0123456789",
    count: int = 16,
) -> Figure:
    """Draw the misclassified images with the greatest confidence, and the names of the classes."""
    chosen = worst_errors(evaluation, count)
    columns = 8
    rows = max(1, math.ceil(len(chosen) / columns))
    with styled():
        figure = new_figure(1.1 * columns, 1.45 * rows + 0.3)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, i in zip(grid.flat, chosen, strict=False):
            axes.imshow(images[i], cmap="gray_r")
            predicted = evaluation.predictions[i]
            share = evaluation.probabilities[i, predicted]
            title = f"{names[evaluation.labels[i]]} as {names[predicted]}\n{share:.0%}"
            axes.set_title(title, size=8, parse_math=False)
        figure.suptitle(
            "the most confident errors: true class as predicted class, confidence", size=11
        )
    return figure


def _bare(axes: Axes) -> None:
    """Remove ticks and frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
