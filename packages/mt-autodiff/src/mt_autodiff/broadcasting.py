"""Gradients of operands that were broadcast."""

from functools import lru_cache

from mt_tensor import Backend, IndexingError, ShapeError, TensorData, operators, shape_broadcast


def unbroadcast(
    backend: Backend, grad: TensorData, shape: tuple[int, ...], operation: str
) -> TensorData:
    """Return a gradient in the shape of an operand that was broadcast.

    Broadcasting uses an element several times, so its gradient is the sum over the repetitions.
    Conversely, a gradient that is constant along a dimension may have size 1 there: it is expanded
    first.

    Args:
        backend: The backend of `grad`.
        grad: A gradient that broadcasts with `shape`.
        shape: The operand's shape.
        operation: The name of the function, for the error message.

    Shape:
        Any shape that broadcasts with `shape` → `shape`.

    Raises:
        ShapeError: The gradient does not broadcast with `shape`.
    """
    try:
        full, dims = _broadcast_dims(grad.shape, shape)
    except IndexingError as error:
        raise ShapeError(
            f"{operation}.backward: a gradient of shape {grad.shape} does not fit an operand of "
            f"shape {shape}; it must have the operand's shape or broadcast with it"
        ) from error
    if grad.shape != full:
        grad = grad.expand_unchecked(full)
    for dim in dims:
        grad = backend.reduce(operators.add, grad, dim, 0.0)
    if len(full) > len(shape):
        grad = backend.contiguous(grad).view(*shape)
    return grad


@lru_cache(maxsize=1024)
def _broadcast_dims(
    grad: tuple[int, ...], operand: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the broadcast shape of a gradient and its operand, and the operand's repeated dims.

    Raises:
        IndexingError: The shapes do not broadcast.
    """
    full = shape_broadcast(grad, operand)
    added = len(full) - len(operand)
    repeats = (dim for dim, n in enumerate(full) if dim < added or operand[dim - added] != n)
    return full, tuple(repeats)
