"""Functions as the course writes them: forward and backward take and return tensors.

The engine's own functions work on data (`mt_autodiff.Function`). `Function` lets a class of the
course's form run on that engine, and `LibraryFunction` gives a function of the library the
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

    - ``forward(ctx, *tensors)`` returns a tensor and gives to ``ctx.save_for_backward`` what
      `backward` needs;
    - ``backward(ctx, grad_output)`` returns one gradient for each tensor, a tuple if there are
      several.

    A gradient has the shape of its tensor or of the result: the engine adds up what broadcasting
    repeated. For a tensor that only says how, such as the number of a dimension, it is 0.0.

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
    """The same function as the engine has it: what a history names as `last_fn`."""

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
        raise NotImplementedError

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        """Return the gradient of each tensor of `forward`."""
        raise NotImplementedError

    @classmethod
    def apply(cls, *vals: Any) -> Any:
        """Compute the result, and remember how.

        Args:
            *vals: Tensors, and numbers, which become tensors of shape (1,).
        """
        first = next((val for val in vals if isinstance(val, Tensor)), _NO_TENSOR)
        operands = [first._ensure_tensor(val) if _is_number(val) else val for val in vals]
        return cls._on_data.apply(*operands)


def _forward(fn: type[Function], ctx: TensorContext, *operands: Any) -> TensorData:
    """Call a function's `forward` on constants of the course's class that hold the numbers."""
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
    """Call a function's `backward` on a gradient as a tensor; return the data of its results."""
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

    Arguments after the tensors say how: the number of a dimension, a shape. They may be plain, or
    tensors that hold integers, as the course passes them.

    Attributes:
        inner: The function.
        arity: How many tensors it is a function of.
    """

    inner: ClassVar[type[mt_autodiff.Function]]
    arity: ClassVar[int] = 1

    @classmethod
    def settings(cls, *given: Any) -> Any:
        """Return the arguments after the tensors as the library takes them."""
        return given

    @classmethod
    def forward(cls, ctx: Context, *args: Any) -> Any:
        """Compute the result of tensors and settings."""
        operands, given = args[: cls.arity], args[cls.arity :]
        needed = _needed(ctx, cls.arity)
        inner = TensorContext(cls.inner, operands, operands[0].backend, needed)
        ctx.save_for_backward(inner, sum(isinstance(setting, Node) for setting in given))
        data = [operand.data for operand in operands]
        result = cls.inner.forward(inner, *data, *cls.settings(*given))
        return Tensor(result, backend=inner.backend)

    @classmethod
    def backward(cls, ctx: Context, grad_output: mt_autodiff.Tensor) -> Any:
        """Return the gradient of each tensor, and 0.0 for settings that were given as tensors."""
        inner, settings = ctx.saved_values
        given = cls.inner.backward(inner, grad_output.data)
        grads = given if isinstance(given, tuple) else (given,)
        tensors = [None if g is None else Tensor(g, backend=inner.backend) for g in grads]
        return (*tensors, *[0.0] * settings) if len(tensors) + settings > 1 else tensors[0]


def as_integers(given: Any) -> tuple[int, ...]:
    """Return a number, a sequence of them, or a tensor of them as plain ints."""
    if isinstance(given, mt_autodiff.Tensor):
        given = given.to_numpy().reshape(-1)
    return (int(given),) if _is_number(given) else tuple(int(number) for number in given)


_NO_TENSOR = Tensor.make([0.0], (1,))
"""Where there is no tensor to go by, numbers become tensors of its backend."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _needed(ctx: Context, arity: int) -> tuple[bool, ...]:
    """Return for each tensor whether its gradient will be used."""
    if isinstance(ctx, TensorContext):
        return ctx.needs_grad[:arity]
    return (not ctx.no_grad,) * arity
