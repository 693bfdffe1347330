"""The contract of fused forms: a composed function computed in one piece.

A function such as a pooling has a readable definition, composed of operations that every backend
has. It is the specification, and it always works. A backend may know a faster way for the whole of
it, forward and backward: a *fused form*, which `Backend.fused` returns for the function's
`FusedOperation`.

Like a backend, a form computes with `TensorData` and knows nothing of the graph of gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from mt_tensor.tensor_data import TensorData

Gradients: TypeAlias = tuple[TensorData | None, ...]
"""One gradient for each tensor among a function's arguments, in their order."""

Parts: TypeAlias = Sequence[TensorData]
"""One tensor for each parameter."""

B = TypeVar("B", contravariant=True)
"""The class of the backends whose form it is: below `Backend`, which imports this module."""


class FusedForm(Generic[B]):
    """One composed function, computed in one piece by one kind of backend.

    Subclasses define `forward` and `backward` as static or class methods. For whatever they accept,
    result and gradients are those of the composed definition, up to rounding.

    Neither method writes to what it is given: operands, saved values and gradients have other
    readers. A result or a gradient may share memory with none of them, nor two gradients with each
    other: leaves keep gradients as they are.
    """

    @staticmethod
    def forward(backend: B, needs_grad: tuple[bool, ...], *args: Any) -> Any:
        """Compute the result, or decline.

        Args:
            backend: The backend of the tensors.
            needs_grad: For each tensor among the arguments, True if its gradient is used.
            *args: The arguments of the composed function, all of them in the order of its
                parameters, defaults filled in; `TensorData` in the place of each tensor.

        Returns:
            The result and the values that `backward` needs, a pair. Or None: the form declines, and
            the composed definition runs. A form declines layouts and options that it does not
            support, and arguments for which the composed definition raises an error, so that each
            error has one text. It declines before it has any effect, such as drawing random
            numbers. A form need not check numbers that a device would have to copy to the host
            first: where they are invalid, its result is NaN.
        """
        raise NotImplementedError

    @staticmethod
    def backward(backend: B, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of each tensor argument, a tuple; None where none is needed.

        Args:
            backend: The backend of the tensors.
            saved: The second value that `forward` returned.
            grad: The gradient of the result, of its shape and in any layout.

        Shape:
            Each gradient has its tensor's shape or broadcasts with it, as for any function.
        """
        raise NotImplementedError


class FusedStep(FusedForm[B], ABC):
    """A step of an optimiser: many tensors at once, without `backward`.

    Subclasses define `step`. `mt_tensor.fused.operations` lists the slots and settings of each.
    """

    @classmethod
    def forward(
        cls,
        backend: B,
        needs_grad: tuple[bool, ...],
        values: Parts,
        grads: Parts,
        slots: Sequence[Parts],
        settings: tuple[float, ...],
    ) -> list[list[TensorData]] | None:
        """Return new values, and new slots in the order of the old ones.

        The form declines if a gradient or a slot has another shape than its parameter.

        Args:
            backend: The backend of all of them.
            needs_grad: Not used: optimisers are not differentiated.
            values: The parameters.
            grads: Their gradients.
            slots: The state that the previous step returned, a tensor for each parameter in each.
            settings: The numbers of the formula.
        """
        shapes = [value.shape for value in values]
        if any([part.shape for part in parts] != shapes for parts in (grads, *slots)):
            return None
        return cls.step(backend, (values, grads, *slots), settings)

    @classmethod
    @abstractmethod
    def step(
        cls, backend: B, parts: Sequence[Parts], settings: tuple[float, ...]
    ) -> list[list[TensorData]]:
        """Return new values and slots, given values, gradients and slots whose shapes fit."""
