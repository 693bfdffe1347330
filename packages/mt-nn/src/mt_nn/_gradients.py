"""Parameters and their gradients, whether their values are scalars or tensors."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from mt_autodiff import Scalar, Tensor
from mt_nn.module import Module, Parameter

Number: TypeAlias = float | Tensor
"""What formulas compute with: they read the same for the number of a scalar and for a tensor."""


def unique_parameters(parameters: Iterable[Parameter], operation: str) -> list[Parameter]:
    """Return parameters in order, each once.

    Args:
        parameters: Any iterable of them, a generator too.
        operation: Who asks, for error messages.

    Raises:
        TypeError: Something else is given or among them.
    """
    if isinstance(parameters, Module | Parameter | Tensor) or not isinstance(parameters, Iterable):
        raise TypeError(
            f"{operation}: expected several parameters, got {type(parameters).__name__}; "
            "pass model.parameters() or a list"
        )
    unique: dict[int, Parameter] = {}
    for at, parameter in enumerate(parameters):
        if not isinstance(parameter, Parameter):
            hint = (
                "pass model.parameters(), not model.named_parameters()"
                if isinstance(parameter, tuple)
                else "wrap a value in Parameter"
            )
            raise TypeError(
                f"{operation}: number {at} of the parameters is of type "
                f"{type(parameter).__name__}; {hint}"
            )
        unique.setdefault(id(parameter), parameter)
    return list(unique.values())


def gradient(parameter: Parameter) -> Number | None:
    """Return the gradient of a parameter, None if it has none or is frozen."""
    value = parameter.value
    grad: Number | None = None
    if isinstance(value, Tensor):
        grad = None if value.is_constant() else value.grad
    elif isinstance(value, Scalar):
        grad = None if value.is_constant() else value.derivative
    return grad


def set_gradient(parameter: Parameter, grad: Number | None) -> None:
    """Replace the gradient of a parameter; None removes it."""
    value: Any = parameter.value
    if isinstance(value, Scalar):
        value.derivative = grad  # type: ignore[assignment]
    elif isinstance(value, Tensor):
        value.grad = grad
