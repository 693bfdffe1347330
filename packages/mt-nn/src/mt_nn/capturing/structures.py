"""Structures of tuples, lists and dicts with arrays and tensors in them: arguments and results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor

Array: TypeAlias = npt.NDArray[Any]


def map_leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a structure of tuples, lists and dicts with all arrays and tensors changed."""
    if isinstance(value, np.ndarray | Tensor):
        return change(value)
    if isinstance(value, tuple | list):
        return map_items(value, partial(map_leaves, change=change))
    if isinstance(value, dict):
        return {key: map_leaves(each, change) for key, each in value.items()}
    return value


def map_items(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a tuple, named tuple or list with each item changed."""
    items = [change(each) for each in value]
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def leaves_of(value: Any) -> Iterator[Any]:
    """Yield the items of a structure of tuples, lists and dicts."""
    if isinstance(value, tuple | list):
        for each in value:
            yield from leaves_of(each)
    elif isinstance(value, dict):
        yield from leaves_of(list(value.values()))
    else:
        yield value


def signature(value: Any, arrays: list[Any]) -> Any:
    """Return a hashable description of a structure, and append the elements of its arrays."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return value.shape, value.dtype
    if isinstance(value, Tensor):
        flat = value.data.flat()
        arrays.append(value.to_numpy().reshape(-1) if flat is None else flat)
        return value.shape, value.backend, value.history is None
    if isinstance(value, tuple | list):
        return type(value), tuple([signature(each, arrays) for each in value])
    if isinstance(value, dict):
        return tuple([(key, signature(each, arrays)) for key, each in value.items()])
    return type(value), value


def elements(tensor: Any) -> Array:
    """Return the elements of a contiguous tensor, (size,)."""
    data = tensor.data
    flat: Array | None = data.flat()
    assert flat is not None
    return flat
