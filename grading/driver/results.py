"""The types of answers: what a submission returns is taken as it is, and never converted.

``float("6.0")`` is 6.0. So a value is looked at before it is turned into a number, and a wrong type
is the submission's fault. Numbers of NumPy are numbers, and its integers are integers.
"""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from grading.protocol.messages import Array

NUMERIC = "biuf"
"""The kinds of NumPy's dtypes that are numbers."""


class ResultError(TypeError):
    """The code under test has answered with something that is no answer.

    The driver raises it, and the fault is the submission's.
    """


def number(value: Any, what: str = "the function") -> float:
    """Return a number as a float; a truth value is one, too.

    Raises:
        ResultError: It is none.
    """
    if isinstance(value, Real | np.bool_):
        return float(value)
    raise ResultError(f"{what} returned {_kind(value)}, expected a number")


def integer(value: Any, what: str = "the function") -> int:
    """Return an integer as an int.

    Raises:
        ResultError: It is none.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    raise ResultError(f"{what} returned {_kind(value)}, expected an integer")


def truth(value: Any, what: str = "the function") -> bool:
    """Return a truth value as a bool; 1 and 0 are truth values, too.

    Raises:
        ResultError: It is none.
    """
    if isinstance(value, bool | np.bool_) or (isinstance(value, Integral) and value in (0, 1)):
        return bool(value)
    raise ResultError(f"{what} returned {_kind(value)}, expected True or False")


def text(value: Any, what: str) -> str:
    """Return a text.

    Raises:
        ResultError: It is none.
    """
    if isinstance(value, str):
        return value
    raise ResultError(f"{what} returned {_kind(value)}, expected a text")


def items(values: Any, what: str = "the function") -> list[Any]:
    """Return the elements of a list, or of whatever else can be gone through and is no text.

    Raises:
        ResultError: It cannot be gone through.
    """
    if isinstance(values, Iterable) and not isinstance(values, str | bytes):
        return list(values)
    raise ResultError(f"{what} returned {_kind(values)}, expected a list")


def numbers(values: Any, what: str = "the function") -> list[float]:
    """Return a list of numbers as floats.

    Raises:
        ResultError: It is no list, or one of its elements is no number.
    """
    return [number(value, f"{what}, in a list,") for value in items(values, what)]


def integers(values: Any, what: str = "the function") -> list[int]:
    """Return a list of integers as ints.

    Raises:
        ResultError: It is no list, or one of its elements is no integer.
    """
    return [integer(value, f"{what}, in a list,") for value in items(values, what)]


def cells(storage: Any, what: str = "the storage") -> Array:
    """Return the cells of a storage, or nested lists of numbers, as float64, copied if need be.

    Raises:
        ResultError: They are no numbers.
    """
    if hasattr(storage, "copy_to_host"):
        storage = storage.copy_to_host()
    array = np.asarray(storage)
    if array.dtype.kind not in NUMERIC and array.size:
        kind = f"cells of type {array.dtype}" if array.dtype.kind != "O" else "objects"
        raise ResultError(f"{what} holds {kind}, expected numbers")
    return np.asarray(array, np.float64)


class IndexBuffer(np.ndarray):
    """An array of integers to be filled in, which refuses text: NumPy would make numbers of it."""

    @classmethod
    def of(cls, dims: int) -> "IndexBuffer":
        """Return a buffer for an index of some dimensions, filled with -1."""
        return np.full(dims, -1, np.int64).view(cls)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set elements.

        Raises:
            ResultError: The value is neither a number nor numbers.
        """
        if np.asarray(value).dtype.kind not in NUMERIC:
            raise ResultError(f"{_kind(value)} was written into an index, expected an integer")
        super().__setitem__(key, value)


def _kind(value: Any) -> str:
    """Return the name of a value's type."""
    return "nothing" if value is None else type(value).__name__
