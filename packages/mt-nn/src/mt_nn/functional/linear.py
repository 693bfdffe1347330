"""The affine function of linear layers."""

from typing import Literal, TypeAlias

from mt_autodiff import Tensor, fused
from mt_tensor.fused import operations

Activation: TypeAlias = Literal["relu"] | None
"""What a layer does with each of its results: ReLU, or nothing."""


@fused(operations.LINEAR)
def linear(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, activation: Activation = None
) -> Tensor:
    """Return $x W + b$, each element where it is positive, else 0, if ReLU is asked for.

    Args:
        input: What is transformed.
        weight: The matrix.
        bias: What is added to each result.
        activation: "relu" or None.

    Shape:
        (..., inputs), (inputs, outputs), (outputs,) → (..., outputs), two dimensions or more.

    Raises:
        ShapeError: The shapes do not go together.

    >>> from mt_autodiff import tensor
    >>> x, w = tensor([[1.0, 2.0]]), tensor([[1.0, -1.0], [1.0, -1.0]])
    >>> linear(x, w, tensor([0.5, 0.5]), activation="relu")
    tensor([[3.5, 0. ]])
    """
    out: Tensor = input @ weight
    if bias is not None:
        out = out + bias
    return out.relu() if activation == "relu" else out
