"""The engine of tensors: a matrix is a tensor with two dimensions, on any backend."""

from typing import Any

import numpy as np

from mt_autodiff import Tensor, cat, tensor
from mt_models.names.model import Array
from mt_nn import softmax
from mt_tensor import Backend


class Tensors:
    """The functions of `Engine` on tensors of a backend."""

    def __init__(self, backend: Backend) -> None:
        """Compute with a backend."""
        self.backend = backend
        self.name = type(backend).__name__

    def leaf(self, numbers: Array) -> Tensor:
        """Copy the numbers into a tensor."""
        return tensor(numbers, self.backend, requires_grad=True)

    def numbers(self, x: Tensor) -> Array:
        """Copy the numbers of a tensor."""
        return np.array(x.to_numpy(), np.float64)

    def gradient(self, x: Tensor) -> Array:
        """Copy the gradient."""
        return np.zeros(x.shape) if x.grad is None else self.numbers(x.grad)

    def rows(self, table: Tensor, at: list[int]) -> Tensor:
        """Index with a list of row numbers."""
        picked: Tensor = table[np.array(at)]
        return picked

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Add."""
        return x + y

    def scale(self, x: Tensor, factor: float) -> Tensor:
        """Multiply by a number."""
        return x * factor

    def relu(self, x: Tensor) -> Tensor:
        """Take the positive part."""
        return x.relu()

    def linear(self, x: Tensor, weight: Tensor) -> Tensor:
        """Multiply by the transposed weight."""
        return x @ weight.permute(1, 0)

    def mix(self, weights: Tensor, values: Tensor) -> Tensor:
        """Multiply the matrices."""
        return weights @ values

    def normalise(self, x: Tensor) -> Tensor:
        """Divide by the root mean square, with powers as exponentials of logarithms."""
        mean = (x * x).mean(dim=1, keepdim=True) + 1e-5
        return x * (mean.log() * -0.5).exp()

    def softmax(self, x: Tensor, *, causal: bool = False) -> Tensor:
        """Add a large negative number above the diagonal: its exponential is 0."""
        if causal:
            x = x + tensor(np.triu(np.full(x.shape, -1e9), 1), self.backend)
        return softmax(x, 1)

    def columns(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Slice."""
        part: Tensor = x[:, start:stop]
        return part

    def beside(self, parts: list[Tensor]) -> Tensor:
        """Concatenate along the columns."""
        return cat(parts, 1)

    def loss(self, probabilities: Tensor, targets: list[int]) -> Any:
        """Pick the probability of each target, and average the logarithms."""
        picked = probabilities[np.arange(len(targets)), np.array(targets)]
        return -picked.log().mean()
