"""Parameters and their gradients, for scalar values and tensors."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from mt_autodiff import Scalar, Tensor
from mt_nn.module import Module
from mt_nn.parameter import Parameter

Number: TypeAlias = float | Tensor
"""An operand of an optimiser's formula: the number of a Scalar, or a tensor."""


def unique_parameters(parameters: Iterable[Parameter], operation: str) -> list[Parameter]:
    """Return parameters in order, without duplicates.

    Args:
        parameters: An iterable of parameters, such as a generator.
        operation: The name of the caller, for error messages.

    Raises:
        TypeError: The argument is not an iterable, or an item is not a `Parameter`.
    """
    if isinstance(parameters, Module | Parameter | Tensor) or not isinstance(parameters, Iterable):
        raise TypeError(
            f"{operation}: expected several parameters, got {type(parameters).__name__}; "
            "pass model.parameters() or a list"
        )
    unique: dict[int, Parameter] = {}
    for at, parameter in enumerate(parameters):
        if not isinstance(parameter, Parameter):
            hint = "wrap the value in Parameter"
            if isinstance(parameter, tuple):
                hint = "pass model.parameters(), not model.named_parameters()"
            elif isinstance(parameter, Mapping):
                hint = "pass parameter groups as a list, the first of them a dict"
            raise TypeError(
                f"{operation}: parameters[{at}] is of type {type(parameter).__name__}, not "
                f"Parameter; {hint}"
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
