"""Type checks of results: a value of a wrong type is an error, and never converted.

``float("6.0")`` is 6.0, so the type of a value is checked before the conversion. NumPy's numbers
are accepted as numbers, and its integers as integers.
"""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from grading.protocol.messages import Array

NUMERIC = "biuf"
"""Values of `dtype.kind` for numbers: bool, signed, unsigned, float."""


class ResultError(TypeError):
    """The code under test returned a value of a wrong type.

    The driver raises it; the fault is the submission's.
    """


def number(value: Any, source: str = "the function") -> float:
    """Return a number or a truth value as a float.

    Raises:
        ResultError: It is neither.
    """
    if isinstance(value, Real | np.bool_):
        return float(value)
    raise ResultError(f"{source} returned {_kind(value)}, expected a number")


def integer(value: Any, source: str = "the function") -> int:
    """Return an integer as an int.

    Raises:
        ResultError: It is not an integer.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    raise ResultError(f"{source} returned {_kind(value)}, expected an integer")


def truth(value: Any, source: str = "the function") -> bool:
    """Return a truth value, or the integer 0 or 1, as a bool.

    Raises:
        ResultError: It is neither.
    """
    if isinstance(value, bool | np.bool_) or (isinstance(value, Integral) and value in (0, 1)):
        return bool(value)
    raise ResultError(f"{source} returned {_kind(value)}, expected True or False")


def text(value: Any, source: str) -> str:
    """Return a string.

    Raises:
        ResultError: It is not a string.
    """
    if isinstance(value, str):
        return value
    raise ResultError(f"{source} returned {_kind(value)}, expected a string")


def items(values: Any, source: str = "the function") -> list[Any]:
    """Return the elements of a list or of another iterable, except a string.

    Raises:
        ResultError: It is a string or not iterable.
    """
    if isinstance(values, Iterable) and not isinstance(values, str | bytes):
        return list(values)
    raise ResultError(f"{source} returned {_kind(values)}, expected a list")


def numbers(values: Any, source: str = "the function") -> list[float]:
    """Return a list of numbers as floats.

    Raises:
        ResultError: It is not a list, or an element is not a number.
    """
    return [number(value, f"{source}, in a list,") for value in items(values, source)]


def integers(values: Any, source: str = "the function") -> list[int]:
    """Return a list of integers as ints.

    Raises:
        ResultError: It is not a list, or an element is not an integer.
    """
    return [integer(value, f"{source}, in a list,") for value in items(values, source)]


def float_array(storage: Any, source: str = "the storage") -> Array:
    """Return the elements of a storage, or nested lists of numbers, as float64.

    Raises:
        ResultError: An element is not a number.
    """
    if hasattr(storage, "copy_to_host"):
        storage = storage.copy_to_host()
    array = np.asarray(storage)
    if array.dtype.kind not in NUMERIC and array.size:
        kind = f"elements of type {array.dtype}" if array.dtype.kind != "O" else "objects"
        raise ResultError(f"{source} holds {kind}, expected numbers")
    return np.asarray(array, np.float64)


class IndexBuffer(np.ndarray):
    """Array of integers for a result, which rejects strings: NumPy would convert them."""

    @classmethod
    def of(cls, dims: int) -> "IndexBuffer":
        """Return a buffer of shape (dims,), filled with -1."""
        return np.full(dims, -1, np.int64).view(cls)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set elements.

        Raises:
            ResultError: The value is neither a number nor an array of numbers.
        """
        if np.asarray(value).dtype.kind not in NUMERIC:
            raise ResultError(f"{_kind(value)} was written into an index, expected an integer")
        super().__setitem__(key, value)


def _kind(value: Any) -> str:
    """Return the name of a value's type."""
    return "nothing" if value is None else type(value).__name__
