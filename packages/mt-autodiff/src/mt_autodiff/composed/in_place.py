"""Operations that change a tensor in place.

Backpropagation needs the old elements of tensors in the graph, so only constants change in place,
and leaves inside `no_grad`. The augmented assignment ``x += y`` gives the name a new result
where the operation is recorded, like ``x = x + y``.
"""

from __future__ import annotations

from mt_autodiff.basic_tensor import BasicTensor, T, TensorLike
from mt_autodiff.composed import elementwise
from mt_autodiff.indexing import assign
from mt_autodiff.modes import grad_enabled, no_grad
from mt_tensor import ShapeError


def add_(x: T, other: TensorLike) -> T:
    """Add in place."""
    check_writable(x, "add_", other)
    with no_grad():
        return _overwrite(x, x + other, "add_")


def sub_(x: T, other: TensorLike) -> T:
    """Subtract in place."""
    check_writable(x, "sub_", other)
    with no_grad():
        return _overwrite(x, x - other, "sub_")


def mul_(x: T, other: TensorLike) -> T:
    """Multiply in place."""
    check_writable(x, "mul_", other)
    with no_grad():
        return _overwrite(x, x * other, "mul_")


def div_(x: T, other: TensorLike) -> T:
    """Divide in place."""
    check_writable(x, "div_", other)
    with no_grad():
        return _overwrite(x, x / other, "div_")


def clamp_(x: T, min: TensorLike | None = None, max: TensorLike | None = None) -> T:
    """Replace the elements below `min` and above `max` by this bound, in place."""
    check_writable(x, "clamp_", min, max)
    with no_grad():
        return _overwrite(x, elementwise.clamp(x, min, max), "clamp_")


def fill_(x: T, value: float) -> T:
    """Set all elements to a number."""
    check_writable(x, "fill_")
    assign(x, ..., float(value), "x.fill_(…)")
    return x


def zero_(x: T) -> T:
    """Set all elements to 0."""
    check_writable(x, "zero_")
    assign(x, ..., 0.0, "x.zero_()")
    return x


def copy_(x: T, source: TensorLike) -> T:
    """Set the elements to those of a tensor or an array, which is broadcast and moved."""
    check_writable(x, "copy_", source)
    assign(x, ..., x._operand(source), "x.copy_(…)")
    return x


def check_writable(x: BasicTensor, operation: str, *operands: object) -> None:
    """Raise RuntimeError if a change in place would make gradients wrong, or lose one.

    Args:
        x: The tensor that changes.
        operation: The name of the operation, for the message.
        *operands: The other operands.
    """
    if not grad_enabled():
        return
    if x.is_leaf:
        raise RuntimeError(
            f"{operation}: a leaf that requires a gradient cannot change in place while operations "
            "are recorded; write `with no_grad():` around the update"
        )
    if x.history is not None and x.history.last_fn is not None:
        raise RuntimeError(
            f"{operation}: the tensor is the result of {x.history.last_fn.__name__}, and backward "
            "may need its elements; write x = x + y, which makes a new tensor"
        )
    if any(getattr(operand, "history", None) is not None for operand in operands):
        raise RuntimeError(
            f"{operation}: an operand requires a gradient, which would be lost; write x = x + y, "
            "or use its detach()"
        )


def augmented(x: T, result: T, operation: str) -> T:
    """Return the value of ``x += y``: x with new elements, or the result if it is recorded.

    Args:
        x: The left operand.
        result: The result of the operation, such as ``x + y``.
        operation: The operator, for messages.

    Raises:
        RuntimeError: x is a leaf that requires a gradient, outside of `no_grad`; or inside of it,
            x is the result of an operation.
        ShapeError: The result has another shape than x.
    """
    if result.history is None:
        if x.history is not None and x.history.last_fn is not None:
            raise RuntimeError(
                f"{operation} inside no_grad on the result of {x.history.last_fn.__name__}: its "
                f"gradient would be lost; write y = x.detach() {operation[:-1]} …, or leave no_grad"
            )
        return _overwrite(x, result, operation)
    if x.is_leaf:
        check_writable(x, operation)
    return result


def _overwrite(x: T, result: T, operation: str) -> T:
    if result.shape != x.shape:
        raise ShapeError(
            f"{operation}: the result has shape {result.shape}, and the tensor that changes has "
            f"shape {x.shape}; write x = x + y, which makes a new tensor"
        )
    written = f"x.{operation}(…)" if operation.isidentifier() else f"x {operation} …"
    assign(x, ..., result, written)
    x.kind = None
    return x
