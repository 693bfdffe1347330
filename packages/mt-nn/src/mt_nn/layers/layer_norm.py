"""Normalisation of each row, for sequences."""

import math

from mt_autodiff import Tensor, ones, zeros
from mt_autodiff.names import renamed
from mt_nn.functional.normalization import layer_norm, rms_norm
from mt_nn.layers._checks import check_sizes, check_tensor
from mt_nn.module import Module
from mt_nn.parameter import Parameter
from mt_tensor import REFERENCE, Backend, ShapeError


class LayerNorm(Module):
    """Normalisation of the last dimension to mean 0 and variance 1, see `mt_nn.layer_norm`.

    Attributes:
        size: The number of columns.
        eps: The term that keeps the quotient finite.
        weight: The factor of each column, shape (size,).
        bias: The shift of each column, shape (size,), or None.

    >>> from mt_autodiff import tensor
    >>> LayerNorm(2)(tensor([[1.0, 3.0], [5.0, 1.0]])).detach().to_numpy().round(3)
    array([[-1.,  1.],
           [ 1., -1.]])
    """

    @renamed(normalized_shape="size", elementwise_affine=None, device="backend", dtype="backend")
    def __init__(
        self,
        size: int,
        eps: float = 1e-5,
        bias: bool = True,
        *,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build a layer with factors of 1 and shifts of 0.

        Args:
            size: The number of columns, 1 or more.
            eps: Above 0.
            bias: False leaves out the shifts.
            backend: The backend of the parameters.

        Raises:
            ValueError: A setting is out of range.
            TypeError: The size is not an integer.
        """
        (self.size,) = check_sizes("LayerNorm", "size", size, 1, 1)
        self.eps = _check_eps("LayerNorm", eps)
        self.weight = Parameter(ones((size,), backend))
        self.bias = Parameter(zeros((size,), backend)) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """Normalise each row.

        Shape:
            (..., size) → (..., size).

        Raises:
            ShapeError: The last dimension has another size.
            TypeError: The input is not a tensor.
        """
        _check_rows(self, input, self.size)
        bias = None if self.bias is None else self.bias.value
        return layer_norm(input, self.weight.value, bias, self.eps)

    def extra_repr(self) -> str:
        """Return the size, and settings other than the defaults."""
        return _settings(self.size, self.eps) + ("" if self.bias else ", bias=False")


class RMSNorm(Module):
    """Division of each row by the root of its mean square, see `mt_nn.rms_norm`.

    Attributes:
        size: The number of columns.
        eps: The term that keeps the quotient finite.
        weight: The factor of each column, shape (size,), or None.

    >>> from mt_autodiff import tensor
    >>> RMSNorm(2, weight=False)(tensor([[1.0, 7.0]])).to_numpy().round(3)
    array([[0.2, 1.4]])
    """

    @renamed(
        normalized_shape="size", elementwise_affine="weight", device="backend", dtype="backend"
    )
    def __init__(
        self,
        size: int,
        eps: float = 1e-5,
        weight: bool = True,
        *,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build a layer with factors of 1.

        Args:
            size: The number of columns, 1 or more.
            eps: Above 0.
            weight: False leaves out the factors.
            backend: The backend of the factors.

        Raises:
            ValueError: A setting is out of range.
            TypeError: The size is not an integer.
        """
        (self.size,) = check_sizes("RMSNorm", "size", size, 1, 1)
        self.eps = _check_eps("RMSNorm", eps)
        self.weight = Parameter(ones((size,), backend)) if weight else None

    def forward(self, input: Tensor) -> Tensor:
        """Normalise each row.

        Shape:
            (..., size) → (..., size).

        Raises:
            ShapeError: The last dimension has another size.
            TypeError: The input is not a tensor.
        """
        _check_rows(self, input, self.size)
        return rms_norm(input, None if self.weight is None else self.weight.value, self.eps)

    def extra_repr(self) -> str:
        """Return the size, and settings other than the defaults."""
        return _settings(self.size, self.eps) + ("" if self.weight else ", weight=False")


def _check_eps(layer: str, eps: float) -> float:
    if not 0.0 < eps < math.inf:
        raise ValueError(f"{layer}: eps {eps} must be above 0 and finite")
    return float(eps)


def _check_rows(layer: Module, input: Tensor, size: int) -> None:
    check_tensor(layer, input)
    if input.shape[-1:] != (size,):
        raise ShapeError(
            f"{layer!r}: input of shape {input.shape}; the last dimension must have the size "
            f"{size}. Build the layer with another size, or permute the dimensions"
        )


def _settings(size: int, eps: float) -> str:
    return str(size) if eps == 1e-5 else f"{size}, eps={eps:g}"
