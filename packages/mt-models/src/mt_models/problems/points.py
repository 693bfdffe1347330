"""Classification of points in the plane: the course's small MLPs."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import Scalar, Tensor, tensor
from mt_models.datasets import DATASETS, Graph
from mt_models.networks import ScalarMLP, TensorMLP
from mt_models.problems.problem import Examples, Loss, Problem
from mt_nn import binary_cross_entropy
from mt_tensor import Backend


class Points(Problem):
    """A set of points, which is training set and validation set."""

    name = "points"
    classes = ("0", "1")
    test = None

    def __init__(
        self,
        dataset: str,
        backend: Backend | None,
        *,
        n: int = 50,
        hidden: int = 10,
        seed: int = 0,
    ) -> None:
        """Draw the points and build the network.

        Args:
            dataset: The name of a set, such as "Xor".
            backend: The backend; None for a network of scalars.
            n: The number of points.
            hidden: The number of units in each hidden layer.
            seed: The seed of points and weights.

        Raises:
            ValueError: There is no such set.
        """
        if dataset not in DATASETS:
            raise ValueError(f"points {dataset!r} do not exist; allowed: {', '.join(DATASETS)}")
        self.rng = np.random.default_rng(seed)
        graph: Graph = DATASETS[dataset](n, self.rng)
        self.train = Examples(np.array(graph.X), np.array(graph.y))
        self.validation = self.train
        self.network = (
            ScalarMLP(hidden, self.rng) if backend is None else TensorMLP(hidden, self.rng, backend)
        )

    def probabilities(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.floating]:
        """Return the probability of each class at points, (N, 2) → (N, 2)."""
        examples = Examples(points, np.zeros(len(points), np.int64))
        return self.evaluate(examples, len(points)).probabilities

    def inputs(self, batch: Examples) -> Any:
        """Return the points as a tensor, or as an array for a network of scalars."""
        if isinstance(self.network, TensorMLP):
            return tensor(batch.inputs, self.network.backend)
        return batch.inputs

    def compute(self, inputs: Any, labels: npt.NDArray[np.integer]) -> tuple[Loss, Any]:
        """Return the loss, and the probability of class 1 of each point."""
        if isinstance(self.network, TensorMLP):
            positive = self.network(inputs)
            return binary_cross_entropy(positive, labels), positive
        scalars: list[Scalar] = self.network(inputs)
        return _mean_loss(scalars, labels.tolist()), scalars

    def probabilities_of(self, output: Any) -> npt.NDArray[np.floating]:
        """Return the probability of each class, (N, 2)."""
        if isinstance(output, Tensor):
            values = output.to_numpy()
        else:
            values = np.array([scalar.data for scalar in output])
        return np.stack([1 - values, values], axis=1)


def _mean_loss(probabilities: list[Scalar], labels: list[int]) -> Scalar:
    """Return the mean negative logarithm of the probability of each point's class."""
    total = Scalar(0.0)
    for p, label in zip(probabilities, labels, strict=True):
        total = total - (p if label else 1.0 - p).log()
    return total / len(labels)
