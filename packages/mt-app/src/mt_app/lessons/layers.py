"""A small network of layers that the user chooses, trained on points in the plane."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_app.insight.computing import COMPUTING
from mt_app.lessons.points import DISPLAY, middles
from mt_autodiff import Tensor, no_grad, tensor
from mt_models.backends import default_dtype, make_backend
from mt_models.datasets import Graph
from mt_nn import Adam, Linear, Sequential, binary_cross_entropy_with_logits

Array = npt.NDArray[np.float64]

MOST_POINTS = 200
"""The largest number of added points: the address contains them."""

_POINT = re.compile("([0-9]{3})([0-9]{3})([01])")


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained network.

    Attributes:
        grid: The probability of class 1 in each cell of the unit square, (cells, cells), the first
            row is the lowest.
        probabilities: The probability of class 1 of each point, (N,).
        loss: The mean loss of the points.
        parameters: The number of parameters.
    """

    grid: Array
    probabilities: Array
    loss: float
    parameters: int


def read_points(text: str) -> Graph:
    """Return the points of a text, separated by dots.

    A point is seven digits: three for the thousandths of x, three for those of y, and its class.

    Raises:
        ValueError: The text is not a list of points, or there are too many.

    >>> read_points("5002501.0009990").X
    [(0.5, 0.25), (0.0, 0.999)]
    """
    parts = text.split(".") if text else []
    if len(parts) > MOST_POINTS:
        raise ValueError(f"{len(parts)} points; allowed are {MOST_POINTS}")
    pairs, labels = [], []
    for part in parts:
        found = _POINT.fullmatch(part)
        if found is None:
            raise ValueError(f"{part[:20]!r} is not a point of seven digits")
        x, y, label = map(int, found.groups())
        pairs.append((x / 1000, y / 1000))
        labels.append(label)
    return Graph(len(pairs), pairs, labels)


def joined(first: Graph, second: Graph) -> Graph:
    """Return the points of two sets."""
    return Graph(first.N + second.N, [*first.X, *second.X], [*first.y, *second.y])


def fit(points: Graph, units: Sequence[int], steps: int, seed: int, cells: int) -> Fitted:
    """Train a network on points with Adam, all points in each step.

    Args:
        points: The points. Without points, the weights stay random, and the loss is NaN.
        units: The number of units of each hidden layer; each is followed by a ReLU.
        steps: The number of steps.
        seed: The seed of the weights.
        cells: The number of rows and columns of the map.
    """
    dtype = default_dtype(DISPLAY)
    labels = np.array(points.y)
    with COMPUTING:
        backend = make_backend(DISPLAY, dtype)
        rng = np.random.default_rng(seed)
        sizes = [2, *units]
        hidden = [
            Linear(a, b, activation="relu", rng=rng, backend=backend)
            for a, b in zip(sizes, units, strict=False)
        ]
        network = Sequential(*hidden, Linear(sizes[-1], 1, rng=rng, backend=backend))
        optimizer = Adam(network.parameters(), lr=0.03)
        inputs = tensor(np.array(points.X, backend.dtype), backend)

        def logits(x: Tensor) -> Tensor:
            output: Tensor = network(x)
            return output.view(-1)

        for _ in range(steps if points.N else 0):
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(logits(inputs), labels).backward()
            optimizer.step()
        with no_grad():
            loss, probabilities = float("nan"), np.empty(0)
            if points.N:
                loss = float(binary_cross_entropy_with_logits(logits(inputs), labels))
                probabilities = logits(inputs).sigmoid().to_numpy().astype(np.float64)
            squares = tensor(middles(cells).astype(backend.dtype), backend)
            grid = logits(squares).sigmoid().to_numpy().astype(np.float64).reshape(cells, cells)
    count = sum(parameter.value.size for parameter in network.parameters())
    return Fitted(grid, probabilities, loss, count)
