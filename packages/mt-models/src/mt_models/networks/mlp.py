"""The course's small networks for points in the plane, on scalars and on tensors."""

import numpy as np
import numpy.typing as npt

from mt_autodiff import Scalar, Tensor
from mt_nn import Linear, Module, Parameter
from mt_tensor import REFERENCE, Backend


class ScalarLinear(Module):
    r"""A linear layer with `Scalar` weights: $y_j = b_j + \sum_i x_i w_{ij}$."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        """Draw the weights uniformly from [-1, 1), the biases from [-0.1, 0.1)."""
        super().__init__()
        self.weights = [
            [Parameter(Scalar(2 * (rng.random() - 0.5))) for _ in range(outputs)]
            for _ in range(inputs)
        ]
        self.bias = [Parameter(Scalar(0.2 * (rng.random() - 0.5))) for _ in range(outputs)]

    def forward(self, inputs: list[Scalar]) -> list[Scalar]:
        """Return the outputs, one `Scalar` each."""
        outputs: list[Scalar] = [bias.value for bias in self.bias]
        for x, row in zip(inputs, self.weights, strict=True):
            outputs = [y + x * weight.value for y, weight in zip(outputs, row, strict=True)]
        return outputs


class ScalarMLP(Module):
    """A network of three linear layers on scalars, one point at a time (module 1)."""

    def __init__(self, hidden: int, rng: np.random.Generator) -> None:
        """Build the network with random weights and `hidden` units in each hidden layer."""
        super().__init__()
        self.layer1 = ScalarLinear(2, hidden, rng)
        self.layer2 = ScalarLinear(hidden, hidden, rng)
        self.layer3 = ScalarLinear(hidden, 1, rng)

    def forward(self, points: npt.NDArray[np.float64]) -> list[Scalar]:
        """Return the probability of class 1 of each point.

        Shape:
            (N, 2) → N scalars.
        """
        return [self._probability(*point) for point in points]

    def _probability(self, x: float, y: float) -> Scalar:
        units: list[Scalar] = [Scalar(float(x)), Scalar(float(y))]
        units = [unit.relu() for unit in self.layer1(units)]
        units = [unit.relu() for unit in self.layer2(units)]
        (logit,) = self.layer3(units)
        probability: Scalar = logit.sigmoid()
        return probability


class TensorMLP(Module):
    """A network of three linear layers on tensors, all points at once (modules 2 and 3)."""

    def __init__(self, hidden: int, rng: np.random.Generator, backend: Backend = REFERENCE) -> None:
        """Build the network with random weights and `hidden` units in each hidden layer."""
        super().__init__()
        self.backend = backend
        self.layer1 = Linear(2, hidden, rng=rng, backend=backend)
        self.layer2 = Linear(hidden, hidden, rng=rng, backend=backend)
        self.layer3 = Linear(hidden, 1, rng=rng, backend=backend)

    def forward(self, points: Tensor) -> Tensor:
        """Return the probability of class 1 of each point.

        Shape:
            (N, 2) → (N,).
        """
        x = self.layer1(points).relu()
        x = self.layer2(x).relu()
        probabilities: Tensor = self.layer3(x).sigmoid().view(-1)
        return probabilities
