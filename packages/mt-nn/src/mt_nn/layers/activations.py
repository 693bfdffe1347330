"""Activations and changes of shape as layers, for `Sequential`."""

import math

from mt_autodiff import Tensor
from mt_autodiff.names import renamed
from mt_nn.functional import softmax
from mt_nn.layers._checks import check_tensor
from mt_nn.module import Module
from mt_tensor.layout import normalize_dim


class Identity(Module):
    """A layer that returns its input, in place of a layer that is left out."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input."""
        return input


class ReLU(Module):
    """The activation max(x, 0); layers with the argument `activation` may fuse it instead."""

    @renamed(inplace=None)
    def __init__(self) -> None:
        """Build the layer."""

    def forward(self, input: Tensor) -> Tensor:
        """Return max(x, 0) of every element."""
        check_tensor(self, input)
        return input.relu()


class Sigmoid(Module):
    """The activation 1 / (1 + exp(-x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Return 1 / (1 + exp(-x)) of every element."""
        check_tensor(self, input)
        return input.sigmoid()


class Softmax(Module):
    """The probabilities of classes; for training use `cross_entropy` of the scores instead.

    Attributes:
        dim: The dimension of the classes.
    """

    def __init__(self, dim: int) -> None:
        """Build the layer for a dimension; negative ones count from the right."""
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the softmax along the dimension, see `mt_nn.softmax`."""
        check_tensor(self, input)
        return softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return the dimension."""
        return f"dim={self.dim}"


class Flatten(Module):
    """A layer that merges neighbouring dimensions, by default all except the batch.

    Attributes:
        start_dim: The first dimension to merge.
        end_dim: The last dimension to merge.

    >>> from mt_autodiff import ones
    >>> Flatten()(ones((2, 3, 4, 5))).shape
    (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        """Build the layer; negative dimensions count from the right."""
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with the dimensions merged.

        Shape:
            (N, a, b, …) → (N, a · b · …).

        Raises:
            IndexingError: There is no such dimension.
            ValueError: The first dimension is after the last.
        """
        check_tensor(self, input)
        first = normalize_dim(self.start_dim, input.dims, "Flatten")
        last = normalize_dim(self.end_dim, input.dims, "Flatten")
        if first > last:
            raise ValueError(
                f"Flatten: start_dim {self.start_dim} is after end_dim {self.end_dim} in shape "
                f"{input.shape}"
            )
        merged = math.prod(input.shape[first : last + 1])
        return input.contiguous().view(*input.shape[:first], merged, *input.shape[last + 1 :])

    def extra_repr(self) -> str:
        """Return the dimensions, unless they are the defaults."""
        if (self.start_dim, self.end_dim) == (1, -1):
            return ""
        return f"{self.start_dim}, {self.end_dim}"
