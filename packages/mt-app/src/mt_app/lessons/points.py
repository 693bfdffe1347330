"""Classifiers of points in the plane: a line, and the networks of runs."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from mt_app.insight.computing import COMPUTING
from mt_autodiff import Scalar, Tensor, no_grad, tensor
from mt_models.backends import default_dtype, make_backend
from mt_models.datasets import Graph
from mt_models.networks import ScalarLinear, ScalarMLP, TensorMLP
from mt_models.recipes import PointsRecipe, recipe_of
from mt_nn import Linear, Module, binary_cross_entropy, load_checkpoint
from mt_tensor import REFERENCE, Backend

Array = npt.NDArray[np.float64]

DISPLAY = "tuned"
"""The backend that computes the map. The result does not depend on it; this one is fast."""


@dataclass(frozen=True, slots=True)
class Line:
    """A model of three numbers: the probability of class 1 is sigmoid(w1 x1 + w2 x2 + b)."""

    w1: float
    w2: float
    b: float

    def stepped(self, gradient: "Line", rate: float) -> "Line":
        """Return the line after one step of gradient descent."""
        return Line(
            self.w1 - rate * gradient.w1, self.w2 - rate * gradient.w2, self.b - rate * gradient.b
        )


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The result of a line on points.

    Attributes:
        loss: The mean binary cross-entropy.
        right: The number of correctly classified points.
        gradient: The gradient of the loss with respect to the three numbers.
        probabilities: The probability of class 1 of each point, (N,).
    """

    loss: float
    right: int
    gradient: Line
    probabilities: Array


def judge(line: Line, points: Graph) -> Judged:
    """Compute loss and gradient of a line on points."""
    w = tensor([[line.w1], [line.w2]], requires_grad=True)
    b = tensor([line.b], requires_grad=True)
    probabilities = (tensor(np.array(points.X)) @ w + b).sigmoid().view(-1)
    labels = np.array(points.y)
    loss = binary_cross_entropy(probabilities, labels)
    loss.backward()
    assert w.grad is not None and b.grad is not None
    numbers = probabilities.to_numpy()
    (g1, g2), (gb,) = w.grad.to_numpy().ravel().tolist(), b.grad.to_numpy().tolist()
    right = int(((numbers > 0.5) == (labels == 1)).sum())
    return Judged(float(loss), right, Line(g1, g2, gb), numbers)


def line_on_grid(line: Line, cells: int) -> Array:
    """Return the line's probability of class 1 in the middle of each cell of the unit square.

    Shape:
        (cells, cells); the first row is the lowest.
    """
    at = middles(cells)
    logits = tensor(at) @ tensor([[line.w1], [line.w2]]) + line.b
    return logits.sigmoid().to_numpy().reshape(cells, cells)


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """The predictions of the network of a run.

    Attributes:
        points: The training points.
        grid: The probability of class 1 in each cell of the unit square, (cells, cells).
        probabilities: The probability of class 1 of each point, (N,).
        epochs: The number of completed epochs.
    """

    points: Graph
    grid: Array
    probabilities: Array
    epochs: int


def predict_run(checkpoint: Path, cells: int) -> Learnt:
    """Run the network of a checkpoint on the whole unit square.

    Raises:
        CheckpointError: The file is damaged, or it is not a checkpoint of a training run.
        ValueError: The checkpoint is of another problem.
    """
    saved = load_checkpoint(checkpoint)
    recipe = recipe_of(saved)
    if not isinstance(recipe, PointsRecipe):
        raise ValueError(f"{checkpoint} is a network for {recipe.problem}; choose one for points")
    dtype = default_dtype(DISPLAY)
    with COMPUTING:
        problem = replace(recipe, backend=DISPLAY, dtype=dtype).build()
        saved.restore(problem.network)
        backend = make_backend(DISPLAY, dtype)
        grid = network_on_grid(problem.network, cells, backend)
        probabilities = problem.evaluate(problem.train).probabilities[:, 1]
    pairs = [(float(x), float(y)) for x, y in problem.train.inputs]
    points = Graph(len(pairs), pairs, problem.train.labels.tolist())
    epochs = len(saved.meta["progress"]["records"])
    return Learnt(points, grid, probabilities.astype(np.float64), epochs)


def network_on_grid(network: Module, cells: int, backend: Backend = REFERENCE) -> Array:
    """Return a network's probability of class 1 in the middle of each cell of the unit square.

    A network of scalars is converted to an equal network of tensors, which is faster.

    Shape:
        (cells, cells); the first row is the lowest.
    """
    if isinstance(network, ScalarMLP):
        network = as_tensor_network(network, backend)
    network = cast(TensorMLP, network)
    with no_grad():
        probabilities: Tensor = network(tensor(middles(cells), network.backend))
    return probabilities.to_numpy().astype(np.float64).reshape(cells, cells)


def as_tensor_network(network: ScalarMLP, backend: Backend = REFERENCE) -> TensorMLP:
    """Return a network of tensors with the weights of a network of scalars."""
    hidden = len(network.layer1.bias)
    result = TensorMLP(hidden, np.random.default_rng(0), backend)
    pairs: tuple[tuple[Linear, ScalarLinear], ...] = (
        (result.layer1, network.layer1),
        (result.layer2, network.layer2),
        (result.layer3, network.layer3),
    )
    for layer, source in pairs:
        weights = [[_number(weight.value) for weight in row] for row in source.weights]
        biases = [_number(bias.value) for bias in source.bias]
        layer.load_state_dict({"weight": np.array(weights), "bias": np.array(biases)})
    return result


def _number(value: Scalar) -> float:
    return value.data


def middles(cells: int) -> Array:
    """Return the middle of every cell, row by row from below, (cells * cells, 2)."""
    at = (np.arange(cells) + 0.5) / cells
    down, across = np.meshgrid(at, at, indexing="ij")
    return np.stack([across.ravel(), down.ravel()], axis=1)
