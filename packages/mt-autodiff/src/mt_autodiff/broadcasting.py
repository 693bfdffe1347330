"""Gradients of operands that broadcasting enlarged."""

from functools import lru_cache

from mt_tensor import Backend, IndexingError, ShapeError, TensorData, operators, shape_broadcast


def unbroadcast(
    backend: Backend, grad: TensorData, shape: tuple[int, ...], operation: str
) -> TensorData:
    """Return a gradient in the shape of the operand that broadcasting enlarged.

    An element that broadcasting repeated is used several times, so its gradient is the sum over
    the repetitions. The other way round, a gradient that is the same all along a dimension may
    be given once, with size 1: it is expanded first.

    Args:
        backend: What sums.
        grad: A gradient that broadcasts with `shape`.
        shape: The operand's shape.
        operation: The function whose gradient it is, for the error message.

    Shape:
        Anything that broadcasts with `shape` → `shape`.

    Raises:
        ShapeError: It does not broadcast.
    """
    try:
        full, dims = _meeting_shape(grad.shape, shape)
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
def _meeting_shape(
    grad: tuple[int, ...], operand: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the broadcast shape of a gradient and its operand, and where the operand repeats.

    Raises:
        IndexingError: The shapes do not broadcast.
    """
    full = shape_broadcast(grad, operand)
    added = len(full) - len(operand)
    repeats = (dim for dim, n in enumerate(full) if dim < added or operand[dim - added] != n)
    return full, tuple(repeats)
