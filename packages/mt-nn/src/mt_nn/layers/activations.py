"""Activations and changes of shape as layers, for `Sequential`."""

import math
from typing import Literal

from mt_autodiff import Tensor
from mt_autodiff.names import renamed
from mt_nn._settings import check_above_0
from mt_nn.functional import elu, leaky_relu, silu, softmax, softplus
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


class Tanh(Module):
    """The activation tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return tanh(x) of every element."""
        check_tensor(self, input)
        return input.tanh()


class GELU(Module):
    """The activation `mt_nn.gelu`, x times the cumulative normal distribution.

    Attributes:
        approximate: "none", or "tanh" for weights that were trained with this approximation.
    """

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        """Build the layer.

        Raises:
            ValueError: The approximation does not exist.
        """
        if approximate not in ("none", "tanh"):
            raise ValueError(
                f'GELU: approximate {approximate!r} does not exist; use "none" or "tanh"'
            )
        self.approximate: Literal["none", "tanh"] = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of every element."""
        check_tensor(self, input)
        return input.gelu(self.approximate)

    def extra_repr(self) -> str:
        """Return the approximation, if there is one."""
        return "" if self.approximate == "none" else f"approximate={self.approximate!r}"


class SiLU(Module):
    """The activation `mt_nn.silu`, x times the sigmoid of x."""

    @renamed(inplace=None)
    def __init__(self) -> None:
        """Build the layer."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of every element."""
        check_tensor(self, input)
        return silu(input)


class Softplus(Module):
    """The activation `mt_nn.softplus`, a smooth relu.

    Attributes:
        beta: The factor: a larger one is closer to relu.
    """

    @renamed(threshold=None)
    def __init__(self, beta: float = 1.0) -> None:
        """Build the layer.

        Raises:
            ValueError: The factor is not above 0.
        """
        check_above_0("Softplus", "beta", beta)
        self.beta = beta

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of every element."""
        check_tensor(self, input)
        return softplus(input, self.beta)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"beta={self.beta}"


class ELU(Module):
    """The activation `mt_nn.elu`: x where it is positive, else alpha (exp(x) - 1).

    Attributes:
        alpha: The factor of the negative part.
    """

    @renamed(inplace=None)
    def __init__(self, alpha: float = 1.0) -> None:
        """Build the layer."""
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of every element."""
        check_tensor(self, input)
        return elu(input, self.alpha)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"alpha={self.alpha}"


class LeakyReLU(Module):
    """The activation `mt_nn.leaky_relu`: x where it is positive, else x times a slope.

    Attributes:
        negative_slope: The slope.
    """

    @renamed(inplace=None)
    def __init__(self, negative_slope: float = 0.01) -> None:
        """Build the layer."""
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of every element."""
        check_tensor(self, input)
        return leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        """Return the slope."""
        return f"negative_slope={self.negative_slope}"


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
