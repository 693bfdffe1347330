"""Trainable values of modules."""

from numbers import Real
from typing import Any, NoReturn, Self

import numpy as np

from mt_autodiff import Scalar, Tensor
from mt_autodiff.engine import LEAF
from mt_autodiff.names import MEMBERS
from mt_nn._names import ReadOnlyMember

_NODES = (Tensor, Scalar)

_WAYS_OUT = {
    name: f"its tensor is the attribute value: read parameter.value.{name}, and call "
    "parameter.update(x) to replace it"
    for name in (*dir(Tensor), *MEMBERS)
    if not name.startswith("_")
}
"""The way out for each member that a tensor has and a parameter has not."""


class Parameter:
    """A trainable value: a tensor, a scalar or a plain number, with a name.

    Args:
        x: The value, which becomes a leaf. The method `requires_grad_` of other objects is called.
        name: A name, assigned to the value's attribute `name`, if it has one.

    Attributes:
        value: The current value, with which `Module.forward` computes.
        name: The name, or None.

    >>> from mt_autodiff import tensor
    >>> weight = Parameter(tensor([3.0]))
    >>> (weight.value * weight.value).backward()
    >>> weight.grad
    tensor([6.])
    """

    __slots__ = ("__weakref__", "name", "value")

    def __init__(self, x: Any, name: str | None = None) -> None:
        self.name = name
        self.update(x)

    def update(self, x: Any) -> None:
        """Replace the value.

        The new value becomes a leaf: it requires a gradient, and its history is dropped.
        """
        self.value = x
        if isinstance(x, Tensor):
            # Not `requires_grad_`, which does not change a result.
            x.history = LEAF
        elif hasattr(x, "requires_grad_"):
            x.requires_grad_(True)
        if self.name is not None and hasattr(x, "name"):
            x.name = self.name

    @property
    def grad(self) -> Any:
        """The gradient of the value: a tensor, the derivative of a scalar, or None."""
        value = self.value
        return value.derivative if isinstance(value, Scalar) else getattr(value, "grad", None)

    @grad.setter
    def grad(self, grad: Any) -> None:
        if isinstance(self.value, Scalar):
            self.value.derivative = grad
        elif isinstance(self.value, Tensor):
            self.value.grad = grad
        elif grad is not None:
            raise TypeError(
                f"Parameter: a value of type {type(self.value).__name__} has no gradient; make the "
                "value a tensor or a Scalar"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value; () for a scalar or a number."""
        shape: tuple[int, ...] = getattr(self.value, "shape", ())
        return shape

    @property
    def requires_grad(self) -> bool:
        """True if the value requires a gradient, False if the parameter is frozen."""
        return isinstance(self.value, _NODES) and not self.value.is_constant()

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, flag: bool = True) -> Self:
        """Freeze the value with False; optimisers do not change a frozen parameter."""
        if hasattr(self.value, "requires_grad_"):
            self.value.requires_grad_(flag)
        return self

    def replace(self, x: Any) -> None:
        """Replace the value; a frozen parameter stays frozen."""
        frozen = isinstance(self.value, _NODES) and not self.requires_grad
        self.update(x)
        if frozen:
            self.requires_grad_(False)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (*_NODES, Real, np.ndarray)):
            _refuse(self)
        return self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        prefix = "Parameter("
        return prefix + repr(self.value).replace("\n", "\n" + " " * len(prefix)) + ")"

    def __str__(self) -> str:
        return str(self.value)


def _refuse(self: Parameter, *operands: Any, **options: Any) -> NoReturn:
    """Raise TypeError: the operation is one of tensors."""
    raise TypeError(
        "Parameter: a parameter contains its tensor and has no operators; "
        "write parameter.value, for example `x @ layer.weight.value`"
    )


# Added here, so that type checkers report these names as unknown.
for _name in (
    *("add", "sub", "mul", "truediv", "matmul", "pow", "mod", "floordiv"),
    *("radd", "rsub", "rmul", "rtruediv", "rmatmul", "rpow", "rmod", "rfloordiv"),
    *("neg", "abs", "lt", "le", "gt", "ge", "getitem", "setitem", "iter", "float", "int"),
    *("array", "array_ufunc"),
):
    setattr(Parameter, f"__{_name}__", _refuse)

ReadOnlyMember.add_to(Parameter, _WAYS_OUT, {}, _WAYS_OUT)
