"""The contract of fused forms: a composed function computed by specialised kernels.

A function such as a pooling has a readable definition, composed of operations that every backend
has. The definition is the specification, and it works on every backend. A backend may have a
faster implementation of the whole function, forward and backward: a *fused form*, which
`Backend.fused` returns for the function's `FusedOperation`.

Like a backend, a form computes with `TensorData` and does not use the graph of gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from mt_tensor.tensor_data import TensorData

Gradients: TypeAlias = tuple[TensorData | None, ...]
"""One gradient for each tensor argument of a function, in order; None if it is not used."""

TensorList: TypeAlias = Sequence[TensorData]
"""One tensor for each parameter."""

B = TypeVar("B", contravariant=True)
"""The class of the form's backends. No bound: `Backend` imports this module."""


class FusedForm(Generic[B]):
    """One composed function, computed by the kernels of one class of backends.

    Subclasses define `forward` and `backward` as static or class methods. For all arguments that
    they accept, result and gradients equal those of the composed definition, up to rounding.

    Neither method writes to its arguments: other code reads the operands, the saved values and the
    gradients. The result and the gradients must not share memory with the arguments or with each
    other: leaves store gradients without a copy.
    """

    @staticmethod
    def forward(backend: B, needs_grad: tuple[bool, ...], *args: Any) -> Any:
        """Compute the result, or decline.

        Args:
            backend: The backend of the tensors.
            needs_grad: For each tensor argument, True if its gradient is used.
            *args: The arguments of the composed function, in the order of its parameters, with
                the defaults filled in and `TensorData` instead of each tensor.

        Returns:
            A pair: the result, and the values that `backward` needs. None if the form declines;
            the composed definition then runs. A form declines layouts and options that it does not
            support, and arguments for which the composed definition raises an error, so that each
            error has one text. It declines before any side effect, such as drawing random numbers.
            A form need not check numbers that a device would have to copy to the host first: if
            they are invalid, its result is NaN.
        """
        raise NotImplementedError

    @staticmethod
    def backward(backend: B, saved: Any, grad: TensorData) -> Gradients:
        """Return a tuple with the gradient of each tensor argument; None if it is not used.

        Args:
            backend: The backend of the tensors.
            saved: The second value that `forward` returned.
            grad: The gradient of the result, of the result's shape and in any layout.

        Shape:
            Each gradient has its tensor's shape or broadcasts with it.
        """
        raise NotImplementedError


class FusedStep(FusedForm[B], ABC):
    """An optimiser step on many tensors at once, without `backward`.

    Subclasses define `step`. `mt_tensor.fused.operations` lists the slots and settings of each.
    """

    @classmethod
    def forward(
        cls,
        backend: B,
        needs_grad: tuple[bool, ...],
        values: TensorList,
        grads: TensorList,
        slots: Sequence[TensorList],
        settings: npt.NDArray[np.float64],
    ) -> list[list[TensorData]] | None:
        """Return new values, and new slots in the order of the old ones.

        The form declines if a gradient or a slot has another shape than its parameter.

        Args:
            backend: The backend of all tensors.
            needs_grad: Not used: optimisers are not differentiated.
            values: The parameters.
            grads: The gradient of each parameter.
            slots: The state that the previous step returned: for each slot a list with one tensor
                per parameter.
            settings: The constants of the formula, as `mt_tensor.fused.operations` lists them: one
                array, which a recorded step fills again.
        """
        shapes = [value.shape for value in values]
        if any([part.shape for part in parts] != shapes for parts in (grads, *slots)):
            return None
        return cls.step(backend, (values, grads, *slots), settings)

    @classmethod
    @abstractmethod
    def step(
        cls, backend: B, parts: Sequence[TensorList], settings: npt.NDArray[np.float64]
    ) -> list[list[TensorData]]:
        """Return new values and slots.

        Args:
            backend: The backend of all tensors.
            parts: Values, gradients and slots, in this order, of equal shapes.
            settings: The constants of the formula.
        """
