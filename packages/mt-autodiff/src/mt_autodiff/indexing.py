"""Indexing and writing: basic indices select a view; masks and positions select a copy."""

import operator
from collections.abc import Sequence
from types import EllipsisType
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from mt_autodiff import writes
from mt_autodiff.engine import Move, Node
from mt_autodiff.modes import grad_enabled
from mt_tensor import Backend, IndexingError, ShapeError, TensorData, operators
from mt_tensor.layout import broadcasts_to

Key: TypeAlias = Sequence[int | slice | None]
"""An index without Ellipsis: one entry for each dimension, None for a new one of size 1."""


def normalize_key(key: Any, shape: Sequence[int]) -> Key:
    """Return an index with Ellipsis expanded, missing dimensions added and numbers in range.

    Raises:
        IndexingError: There are too many entries or several Ellipses, or a number is out of range.
        TypeError: An entry has another type, such as a list, an array or a bool; see
            `array_key`.

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


def array_key(key: Any) -> tuple[Any, ...] | None:
    """Return an index with its tensors, arrays and lists as new arrays; None if it has none.

    Arrays of whole numbers select positions, arrays of truth values select like a mask; the rules
    are NumPy's.

    Raises:
        TypeError: An array contains other numbers, or a tensor's 0 and 1 could have both meanings.
        IndexingError: The step of a slice is not positive.
    """
    entries = key if isinstance(key, tuple) else (key,)
    if not any(isinstance(entry, Node | np.ndarray | list) for entry in entries):
        return None
    found = [
        as_index(entry) if isinstance(entry, Node | np.ndarray | list) else entry
        for entry in entries
    ]
    for entry in found:
        if not isinstance(entry, np.ndarray):
            _check_entry(entry)
    # A whole number as an array without dimensions is a plain index.
    return tuple(
        int(entry)
        if isinstance(entry, np.ndarray) and entry.shape == () and entry.dtype != bool
        else entry
        for entry in found
    )


def as_index(values: Any) -> npt.NDArray[Any]:
    """Return the whole numbers or truth values of a tensor, an array or lists as a new array.

    Elements of a tensor are floats. They are truth values if a comparison computed them or bools
    were given, whole numbers if a function such as `argmax` computed them or ints were given.

    Raises:
        TypeError: There are other numbers, or the meaning of 0 and 1 is unknown.
    """
    if not isinstance(values, Node):
        array = np.array(values)
        if array.size == 0 and array.dtype.kind == "f":
            return array.astype(np.int64)
        if array.dtype.kind not in "biu":
            raise TypeError(
                f"index: an array of {array.dtype}; it must contain whole numbers or truth values"
            )
        return array if array.dtype.kind == "b" else array.astype(np.int64)
    array = np.array(values.backend.to_numpy(values.data))
    if values.kind == "truth":
        mask: npt.NDArray[Any] = array != 0
        return mask
    if not np.all(np.isfinite(array) & (array == np.floor(array))):
        raise TypeError(
            "index: a tensor with fractions; it must contain whole numbers, or be the result of a "
            "comparison"
        )
    if values.kind is None and array.ndim and np.all((array == 0) | (array == 1)) and array.size:
        raise TypeError(
            "index: a tensor of 0 and 1 may be a mask or positions; write x[mask != 0], or "
            "x[positions.to_numpy().astype(int)]"
        )
    return array.astype(np.int64)


def as_positions(values: Any, operation: str) -> npt.NDArray[np.int64]:
    """Return the whole numbers of a tensor, an array or lists as a new array.

    Raises:
        TypeError: There are truth values or other numbers.
    """
    if isinstance(values, Node):
        if values.kind == "truth":
            raise TypeError(f"{operation}: the indices are truth values; pass whole numbers")
        array = values.backend.to_numpy(values.data)
        whole = bool(np.all(np.isfinite(array) & (array == np.floor(array))))
    else:
        array = np.array(values)
        # An empty list is an array of float64.
        whole = array.dtype.kind in "iu" or not array.size
    if not whole:
        raise TypeError(f"{operation}: indices of {array.dtype}; they must be integers")
    return array.astype(np.int64, copy=False)


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
            "None and Ellipsis, or tensors and arrays of whole numbers or truth values"
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


def assign(target: Node, key: Any, value: Node | float, what: str | None = None) -> None:
    """Set elements of a tensor in place, broadcasting a value to them.

    Args:
        target: The tensor.
        key: The index of the elements.
        value: A number, or a tensor on any backend.
        what: The description of the write for messages, by default ``x[key] = …``.

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
    _check_separate(data, what or "assignment")
    what = what or f"x[{key!r}] = …"
    arrays = array_key(key)
    entries = () if arrays is not None else normalize_key(key, data.shape)
    if isinstance(value, float) and arrays is not None:
        received = backend.full((), value)
    elif isinstance(value, float):
        if names_element(entries, data.dims):
            writes.record(data, what)
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
    if arrays is not None:
        writes.record(data, what)
        _assign_at_arrays(backend, data, arrays, received)
        return
    elements, source = slice_view(data, entries), received
    # As in NumPy, the value may have additional dimensions of size 1 at the left.
    while source.dims > elements.dims and source.shape[0] == 1:
        source = TensorData.unchecked(source.storage, source.shape[1:], source.strides[1:])
    if not broadcasts_to(source.shape, elements.shape):
        raise ShapeError(
            f"assignment: a value of shape {received.shape} does not broadcast to the "
            f"elements at index {key!r}, of shape {elements.shape}"
        )
    writes.record(data, what)
    # A copy, because the value may overlap the target in memory.
    backend.map(operators.id, backend.copy(source), out=elements)


def _assign_at_arrays(
    backend: Backend, data: TensorData, key: tuple[Any, ...], value: TensorData
) -> None:
    """Set the elements at an index that contains arrays, on the host.

    Raises:
        IndexingError: The index does not fit the tensor.
        ShapeError: The value does not broadcast to the elements.
    """
    # On the host the array is a view of the elements, in other memory a copy.
    array = backend.to_numpy(data)
    changed = array if backend.memory == "host" else array.copy()
    try:
        changed[key] = backend.to_numpy(value)
    except IndexError as error:
        raise IndexingError(f"assignment to shape {data.shape}: {error}") from error
    except ValueError as error:
        raise ShapeError(f"assignment to shape {data.shape}: {error}") from error
    if backend.memory != "host":
        backend.map(operators.id, backend.from_numpy(changed), out=data)


def _check_separate(data: TensorData, operation: str) -> None:
    """Raise RuntimeError if elements of a tensor share storage."""
    steps = zip(data.shape, data.strides, strict=True)
    if data.size and any(n > 1 and s == 0 for n, s in steps):
        raise RuntimeError(
            f"{operation} to an expanded tensor, whose elements share memory; call contiguous() "
            "first"
        )
