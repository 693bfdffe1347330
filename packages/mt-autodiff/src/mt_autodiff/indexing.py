"""Basic indexing and writing: integers, slices, None and Ellipsis select a view of a tensor."""

import operator
from collections.abc import Sequence
from types import EllipsisType
from typing import Any, TypeAlias, TypeGuard, TypeVar

import numpy as np

from mt_autodiff import writes
from mt_autodiff.engine import Move, Node
from mt_autodiff.modes import grad_enabled
from mt_tensor import IndexingError, ShapeError, TensorData, operators
from mt_tensor.layout import broadcasts_to

N = TypeVar("N", bound=Node)

Key: TypeAlias = Sequence[int | slice | None]
"""An index without Ellipsis: one entry for each dimension, None for a new one of size 1."""


def normalize_key(key: Any, shape: Sequence[int]) -> Key:
    """Return an index with Ellipsis expanded, missing dimensions added and numbers in range.

    Raises:
        IndexingError: There are too many entries or several Ellipses, or a number is out of range.
        TypeError: An entry has another type, such as a list, an array or a bool.

    >>> normalize_key((..., -1), (2, 3))
    (slice(None, None, None), 2)
    """
    entries = key if isinstance(key, tuple) else (key,)
    for entry in entries:
        _check_entry(entry)
    named = sum(entry is not None and entry is not ... for entry in entries)
    if named > len(shape):
        raise IndexingError(
            f"index {key!r} names {named} dimensions, and shape {tuple(shape)} has {len(shape)}"
        )
    dots = sum(entry is ... for entry in entries)
    if dots > 1:
        raise IndexingError(f"index {key!r} has {dots} Ellipses; at most one is allowed")
    if dots == 0:
        entries = (*entries, ...)
    at = next(i for i, entry in enumerate(entries) if entry is ...)
    rest = (slice(None),) * (len(shape) - named)
    result: list[int | slice | None] = []
    sizes = iter(shape)
    for entry in (*entries[:at], *rest, *entries[at + 1 :]):
        if entry is None:
            result.append(None)
            continue
        size = next(sizes)
        if isinstance(entry, slice):
            result.append(entry)
            continue
        number = operator.index(entry)
        if not -size <= number < size:
            raise IndexingError(
                f"index {key!r} is outside of shape {tuple(shape)}: {number} is not in "
                f"range({-size}, {size})"
            )
        result.append(number % size)
    return tuple(result)


def names_element(key: Key, dims: int) -> TypeGuard[Sequence[int]]:
    """Return whether a normalized index selects one element of a tensor with `dims` dimensions."""
    return len(key) == dims and all(isinstance(entry, int) for entry in key)


def _check_entry(entry: Any) -> None:
    """Raise TypeError unless an entry is an integer, a slice, None or Ellipsis."""
    if isinstance(entry, slice):
        if entry.step is not None and operator.index(entry.step) <= 0:
            raise IndexingError(
                f"slice step {entry.step} must be positive: a view cannot run backwards"
            )
        return
    whole = isinstance(entry, int | np.integer) and not isinstance(entry, bool | np.bool_)
    if not (whole or entry is None or isinstance(entry, EllipsisType)):
        raise TypeError(
            f"index of type {type(entry).__name__} is not supported; use integers, slices, "
            "None and Ellipsis, or take(x, indices) for rows by index"
        )


def slice_view(a: TensorData, key: Key) -> TensorData:
    """Return the view of a tensor that a normalized index selects.

    An integer removes its dimension, a slice keeps it, None adds one of size 1. Dimensions after
    the last entry are kept.
    """
    start = 0
    shape: list[int] = []
    strides: list[int] = []
    dim = 0
    for entry in key:
        if entry is None:
            shape.append(1)
            strides.append(0)
            continue
        size, stride = a.shape[dim], a.strides[dim]
        dim += 1
        if isinstance(entry, slice):
            begin, end, step = entry.indices(size)
            length = len(range(begin, end, step))
            start += begin * stride if length else 0
            shape.append(length)
            # The stride of a dimension of size 1 is not used, and stride * step may overflow.
            strides.append(stride * step if length > 1 else stride)
        else:
            start += entry * stride
    storage = a.storage[start:] if start else a.storage
    return TensorData.unchecked(storage, (*shape, *a.shape[dim:]), (*strides, *a.strides[dim:]))


def assign(target: Node, key: Any, value: Node | float) -> None:
    """Set elements of a tensor in place, broadcasting a value to them.

    Args:
        target: The tensor.
        key: The index of the elements.
        value: A number, or a tensor on any backend.

    Raises:
        RuntimeError: Gradients would be wrong because the target is a result or the value requires
            a gradient; or elements of the target share storage.
        ShapeError: The value does not broadcast to the elements.
    """
    history, backend, data = target.history, target.backend, target.data
    if history is not None and history.last_fn is not None:
        raise RuntimeError(
            f"assignment to the result of {history.last_fn.__name__}: gradients would "
            "be wrong; assign to a leaf or to detach() of the tensor"
        )
    _check_separate(data, "assignment")
    entries = normalize_key(key, data.shape)
    if isinstance(value, float):
        if names_element(entries, data.dims):
            writes.record(data, f"x[{key!r}] = …")
            data.set(entries, value)
            return
        received = backend.full((1,), value)
    else:
        if value.history is not None and grad_enabled():
            raise RuntimeError(
                "assignment of a tensor that requires a gradient, which would be lost; assign its "
                "detach(), or combine tensors with concatenate() and pad()"
            )
        received = value.data if value.backend == backend else Move.apply(value, backend).data
    elements, source = slice_view(data, entries), received
    # As in NumPy, the value may have additional dimensions of size 1 at the left.
    while source.dims > elements.dims and source.shape[0] == 1:
        source = TensorData.unchecked(source.storage, source.shape[1:], source.strides[1:])
    if not broadcasts_to(source.shape, elements.shape):
        raise ShapeError(
            f"assignment: a value of shape {received.shape} does not broadcast to the "
            f"elements at index {key!r}, of shape {elements.shape}"
        )
    writes.record(data, f"x[{key!r}] = …")
    # A copy, because the value may overlap the target in memory.
    backend.map(operators.id, backend.copy(source), out=elements)


def _check_separate(data: TensorData, operation: str) -> None:
    """Raise RuntimeError if elements of a tensor share storage."""
    steps = zip(data.shape, data.strides, strict=True)
    if data.size and any(n > 1 and s == 0 for n, s in steps):
        raise RuntimeError(
            f"{operation} to an expanded tensor, whose elements share memory; call contiguous() "
            "first"
        )


def update_in_place(target: N, new: N, symbol: str) -> N:
    """Return the tensor of an augmented assignment, such as ``w -= rate * w.grad``.

    A leaf is updated in place inside `no_grad`, so that it remains the same leaf. Otherwise the
    name is bound to the new tensor, which is recorded like every result.

    Args:
        target: The tensor on the left.
        new: The result of the operation on both sides.
        symbol: The operator, for error messages.

    Raises:
        RuntimeError: Recording is off, and the target is a result that requires a gradient, or its
            elements share storage.
        ShapeError: The shape of the new tensor differs from that of the leaf.
    """
    history = target.history
    if history is None or grad_enabled():
        return new
    if history.last_fn is not None:
        raise RuntimeError(
            f"{symbol} inside no_grad on the result of {history.last_fn.__name__}: its gradient "
            f"would be lost; write `y = x.detach() {symbol[0]} …`, or leave no_grad"
        )
    if new.data.shape != target.data.shape:
        raise ShapeError(
            f"{symbol}: the result has shape {new.data.shape}, and the tensor has shape "
            f"{target.data.shape}; the right side must broadcast to the tensor's shape"
        )
    _check_separate(target.data, symbol)
    writes.record(target.data, f"x {symbol} …")
    target.backend.map(operators.id, new.data, out=target.data)
    return target
