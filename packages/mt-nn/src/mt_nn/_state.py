"""Arrays of a module's state: conversion, and the check that a state fits a module."""

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mt_autodiff import Scalar, Tensor, tensor

Arrays = dict[str, npt.NDArray[Any]]


class IncompatibleKeys(NamedTuple):
    """The names in which a state and a module differ.

    Attributes:
        missing_keys: The module's names that the state lacks.
        unexpected_keys: The state's names that the module lacks.
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


def compare_names(expected: Iterable[str], received: Iterable[str]) -> IncompatibleKeys:
    """Return the names that only one of the two has, in order."""
    ours, theirs = dict.fromkeys(expected), dict.fromkeys(received)
    return IncompatibleKeys(
        [name for name in ours if name not in theirs], [name for name in theirs if name not in ours]
    )


def problems_of(arrays: Mapping[str, npt.NDArray[Any]], values: Mapping[str, Any]) -> list[str]:
    """Return one line for each array whose shape or dtype does not fit the value of its name."""
    problems = []
    for name, received in arrays.items():
        shape = as_array(name, values[name]).shape
        if received.shape != shape:
            problems.append(f"shape of {name!r}: expected {shape}, received {received.shape}")
        elif received.dtype.kind not in "biuf":
            problems.append(f"dtype of {name!r}: expected real numbers, received {received.dtype}")
    return problems


def as_array(name: str, value: Any) -> npt.NDArray[Any]:
    """Return the value of a parameter or buffer as an array, which may share its memory.

    Raises:
        TypeError: The value is not a tensor, a scalar or a number.
    """
    if isinstance(value, Tensor):
        return value.to_numpy()
    if isinstance(value, Scalar):
        return np.asarray(value.data)
    if isinstance(value, Real):
        return np.asarray(value)
    raise TypeError(
        f"state_dict: the value of parameter {name!r} is of type {type(value).__name__}; "
        "only tensors, scalars and numbers can be saved"
    )


def as_value(value: Any, array: npt.NDArray[Any]) -> Any:
    """Return an array as a value of the class and backend of the present value."""
    if isinstance(value, Tensor):
        data = tensor(array, backend=value.backend).data
        return type(value)(data, backend=value.backend)
    number = array.item()
    return Scalar(number) if isinstance(value, Scalar) else number


def as_received(name: str, value: Any) -> npt.NDArray[Any]:
    """Return a value of a state as an array.

    Raises:
        TypeError: It is no array, such as a tensor of bfloat16 of another library.
    """
    try:
        return value.to_numpy() if isinstance(value, Tensor) else np.asarray(value)
    except (TypeError, RuntimeError, ValueError, BufferError) as error:
        raise TypeError(
            f"load_state_dict: {name!r} of type {type(value).__name__} cannot become an array "
            f"({error}); pass an array of real numbers, for PyTorch's tensors "
            "value.detach().float().cpu().numpy()"
        ) from error
