"""The affine function of linear layers."""

from typing import Literal, TypeAlias

from mt_autodiff import Tensor, fused
from mt_tensor.fused import operations

Activation: TypeAlias = Literal["relu"] | None
"""The activation that a layer applies to its output: ReLU, or None."""

LinearActivation: TypeAlias = Literal["relu", "gelu", "gelu-tanh"] | None
"""The activation of a linear layer: ReLU, GELU, the tanh form of GELU, or None."""


@fused(operations.LINEAR)
def linear(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, activation: LinearActivation = None
) -> Tensor:
    r"""Return $f(x W + b)$; the activation f is the identity, ReLU or GELU.

    Args:
        input: The input x.
        weight: The matrix W.
        bias: The vector b, or None.
        activation: "relu", "gelu", "gelu-tanh" (see `Tensor.gelu`) or None.

    Shape:
        (..., inputs), (inputs, outputs), (outputs,) → (..., outputs), two dimensions or more.

    Raises:
        ShapeError: The shapes are incompatible.

    >>> from mt_autodiff import tensor
    >>> x, w = tensor([[1.0, 2.0]]), tensor([[1.0, -1.0], [1.0, -1.0]])
    >>> linear(x, w, tensor([0.5, 0.5]), activation="relu")
    tensor([[3.5, 0. ]])
    """
    out: Tensor = input @ weight
    if bias is not None:
        out = out + bias
    if activation == "relu":
        return out.relu()
    if activation is None:
        return out
    return out.gelu("tanh" if activation == "gelu-tanh" else "none")
