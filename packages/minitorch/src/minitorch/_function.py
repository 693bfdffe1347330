"""Functions in the course's form: forward and backward take and return tensors.

The engine's functions compute with `TensorData` (`mt_autodiff.Function`). `Function` adapts a class
in the course's form to that engine, and `LibraryFunction` adapts a function of the library to the
course's form.
"""

from functools import partial
from typing import Any, ClassVar

import numpy as np

import mt_autodiff
from minitorch._tensor import Tensor
from mt_autodiff import Context, Node, TensorContext
from mt_tensor import TensorData


class Function:
    """A differentiable function of tensors. Users write subclasses and call `apply`.

    A subclass defines two static methods:

    - ``forward(ctx, *tensors)`` returns a tensor, and saves the values that `backward` needs with
      ``ctx.save_for_backward``;
    - ``backward(ctx, grad_output)`` returns one gradient for each tensor, a tuple if there are
      several.

    A gradient has the shape of its tensor or of the result: the engine sums gradients of broadcast
    tensors. The gradient of a tensor that is a setting, such as the number of a dimension, is 0.0.

    >>> class Double(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x + x
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         return grad_output + grad_output
    >>> x = Tensor.make([3.0], (1,)).requires_grad_(True)
    >>> Double.apply(x).backward()
    >>> x.grad
    tensor([2.])
    """

    _on_data: ClassVar[type[mt_autodiff.Function]]
    """The adapted function of the engine, which a history stores as `last_fn`."""

    def __init_subclass__(cls) -> None:
        cls._on_data = type(
            cls.__name__,
            (mt_autodiff.Function,),
            {
                "__doc__": cls.__doc__,
                "forward": staticmethod(partial(_forward, cls)),
                "backward": staticmethod(partial(_backward, cls)),
            },
        )

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """Compute the result from tensors."""
        raise NotImplementedError(
            f"{ctx.last_fn.__name__} has no method forward; define it as a static method: "
            "forward(ctx, *tensors) returns a tensor"
        )

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        """Return the gradient of each tensor of `forward`."""
        raise NotImplementedError(
            f"{ctx.last_fn.__name__} has no method backward, so it has no gradient; define it as "
            "a static method: backward(ctx, grad_output) returns a tensor for each of forward"
        )

    @classmethod
    def apply(cls, *vals: Any) -> Any:
        """Compute the result, and record the function.

        Args:
            *vals: Tensors, and numbers, which become tensors of shape (1,).
        """
        first = next((val for val in vals if isinstance(val, Tensor)), _NO_TENSOR)
        operands = [first._ensure_tensor(val) if _is_number(val) else val for val in vals]
        return cls._on_data.apply(*operands)


def _forward(fn: type[Function], ctx: TensorContext, *operands: Any) -> TensorData:
    """Call a function's `forward` on constants of the course's class."""
    tensors = [
        Tensor(operand, backend=ctx.backend) if isinstance(operand, TensorData) else operand
        for operand in operands
    ]
    result = fn.forward(ctx, *tensors)
    if not isinstance(result, mt_autodiff.Tensor):
        raise TypeError(f"{fn.__name__}.forward returned {type(result).__name__}; return a Tensor")
    return result.to(ctx.backend).data


def _backward(
    fn: type[Function], ctx: TensorContext, grad: TensorData
) -> tuple[TensorData | None, ...]:
    """Call a function's `backward` with a gradient as a tensor; return the data of its results."""
    grads = fn.backward(ctx, Tensor(grad, backend=ctx.backend))
    return tuple(
        [_data(fn, ctx, each) for each in (grads if isinstance(grads, tuple) else (grads,))]
    )


def _data(fn: type[Function], ctx: TensorContext, grad: Any) -> TensorData | None:
    """Return the data of a gradient."""
    if isinstance(grad, mt_autodiff.Tensor):
        return grad.to(ctx.backend).data
    if _is_number(grad):
        return ctx.backend.full((1,), float(grad))
    if grad is None:
        return None
    raise TypeError(
        f"{fn.__name__}.backward returned {type(grad).__name__}; return a Tensor for each "
        "tensor of forward, or 0.0"
    )


class LibraryFunction(Function):
    """A function of the library in the course's form.

    Arguments after the tensors are settings, such as a dimension or a shape. They may be plain
    integers, or tensors of integers, as in the course.

    Attributes:
        inner: The function.
        arity: The number of its tensors.
    """

    inner: ClassVar[type[mt_autodiff.Function]]
    arity: ClassVar[int] = 1

    @classmethod
    def settings(cls, *args: Any) -> Any:
        """Return the settings in the form of the library's function."""
        return args

    @classmethod
    def forward(cls, ctx: Context, *args: Any) -> Any:
        """Compute the result of tensors and settings."""
        operands, settings = args[: cls.arity], args[cls.arity :]
        needed = _needed(ctx, cls.arity)
        inner = TensorContext(cls.inner, operands, operands[0].backend, needed)
        ctx.save_for_backward(inner, sum(isinstance(setting, Node) for setting in settings))
        data = [operand.data for operand in operands]
        result = cls.inner.forward(inner, *data, *cls.settings(*settings))
        return Tensor(result, backend=inner.backend)

    @classmethod
    def backward(cls, ctx: Context, grad_output: mt_autodiff.Tensor) -> Any:
        """Return the gradient of each tensor, and 0.0 for settings that are tensors."""
        inner, settings = ctx.saved_values
        results = cls.inner.backward(inner, grad_output.data)
        grads = results if isinstance(results, tuple) else (results,)
        tensors = [None if g is None else Tensor(g, backend=inner.backend) for g in grads]
        return (*tensors, *[0.0] * settings) if len(tensors) + settings > 1 else tensors[0]


def as_integers(values: Any) -> tuple[int, ...]:
    """Return a number, a sequence of numbers or a tensor as a tuple of ints."""
    if isinstance(values, mt_autodiff.Tensor):
        values = values.to_numpy().reshape(-1)
    return (int(values),) if _is_number(values) else tuple(int(number) for number in values)


_NO_TENSOR = Tensor.make([0.0], (1,))
"""The tensor whose backend is used if no argument of `apply` is a tensor."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _needed(ctx: Context, arity: int) -> tuple[bool, ...]:
    """Return for each tensor whether its gradient will be used."""
    if isinstance(ctx, TensorContext):
        return ctx.needs_grad[:arity]
    return (not ctx.no_grad,) * arity
