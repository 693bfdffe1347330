"""The contract of fused forms: a composed function computed in one piece.

A function such as a pooling has a readable definition, composed of operations that every backend
has. It is the specification, and it always works. A backend may know a faster way for the whole of
it, forward and backward: a *fused form*, which `Backend.fused` returns by the function's name.

Like a backend, a form computes with `TensorData` and knows nothing of the graph of gradients.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from mt_tensor.tensor_data import TensorData

Gradients: TypeAlias = tuple[TensorData | None, ...]
"""One gradient for each tensor among a function's arguments, in their order."""


class FusedForm:
    """One composed function, computed in one piece by one kind of backend.

    Subclasses define `forward` and `backward` as static or class methods. For whatever they accept,
    result and gradients are those of the composed definition, up to rounding.

    Neither method writes to what it is given: operands, saved values and gradients have other
    readers. A result or a gradient may share memory with none of them, nor two gradients with each
    other: leaves keep gradients as they are.

    The steps of optimisers (`mt_nn.optim`) are forms, too: of many tensors at once, given as
    sequences, and without `backward`.
    """

    @staticmethod
    def forward(backend: Any, needs_grad: tuple[bool, ...], *args: Any) -> Any:
        """Compute the result, or decline.

        Args:
            backend: Where the tensors live.
            needs_grad: For each tensor among the arguments, whether its gradient will be used.
            *args: The arguments of the composed function, all of them in the order of its
                parameters, defaults filled in; `TensorData` in the place of each tensor.

        Returns:
            The result and whatever `backward` needs, a pair. Or None: the form declines, and the
            composed definition runs. A form declines what it is not written for: layouts, options,
            and all that the composed definition refuses with an error, so that there is one text
            of each error. It declines before it has any effect, such as drawing random numbers.
            Only of numbers that a device would have to send to the host first, a form need not
            find out that they are wrong: where they are, its result is NaN.
        """
        raise NotImplementedError

    @staticmethod
    def backward(backend: Any, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of each tensor argument, a tuple; None where none is needed.

        Args:
            backend: Where the tensors live.
            saved: What `forward` returned beside the result.
            grad: The gradient of the result, of its shape and in any layout.

        Shape:
            Each gradient has its tensor's shape or broadcasts with it, as for any function.
        """
        raise NotImplementedError
