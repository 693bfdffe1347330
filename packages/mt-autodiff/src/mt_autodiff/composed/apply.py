"""Helpers of the composed operations: typed results, and the kinds of elements."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff.basic_tensor import T
from mt_autodiff.engine import Function
from mt_autodiff.functions.positions import on_host
from mt_tensor import ShapeError


def apply(function: type[Function], x: T, *args: Any) -> T:
    """Return the result of `Function.apply`, which has the class of the first tensor."""
    result: T = function.apply(x, *args)
    return result


def constant(like: T, array: npt.NDArray[Any]) -> T:
    """Return an array as a constant on the backend of a tensor."""
    result: T = like._constant(like.backend.from_numpy(array))
    return result


def positions(like: T, numbers: npt.NDArray[np.int64], operation: str) -> T:
    """Return whole numbers as a constant, marked for use as an index.

    Raises:
        ShapeError: The dtype of the backend does not represent the numbers exactly.
    """
    limit = 2 ** (np.finfo(like.dtype).nmant + 1)
    if numbers.size and numbers.max() > limit:
        raise ShapeError(
            f"{operation}: position {numbers.max()}; {like.dtype} represents whole numbers exactly "
            f"up to {limit}; use a backend of float64"
        )
    result = constant(like, numbers.astype(like.dtype))
    result.kind = "positions"
    return result


def elements(x: T, operation: str) -> npt.NDArray[Any]:
    """Return the elements as an array on the host."""
    return on_host(x.backend, x.data, operation)
