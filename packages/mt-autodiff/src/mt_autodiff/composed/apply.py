"""Helpers of the composed operations: typed results, and the kinds of elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mt_autodiff.engine import Function
from mt_autodiff.functions.positions import on_host
from mt_tensor import ShapeError

if TYPE_CHECKING:
    from mt_autodiff.tensor import Tensor


def apply(function: type[Function], *args: Any) -> Tensor:
    """Return the result of `Function.apply`, typed as a tensor."""
    result: Tensor = function.apply(*args)
    return result


def truth(x: Tensor) -> Tensor:
    """Mark elements, 0 and 1, as truth values: as an index they select like a mask."""
    x.kind = "truth"
    return x


def constant(like: Tensor, array: npt.NDArray[Any]) -> Tensor:
    """Return an array as a constant on the backend of a tensor."""
    result: Tensor = like._constant(like.backend.from_numpy(array))
    return result


def positions(like: Tensor, numbers: npt.NDArray[np.int64], operation: str) -> Tensor:
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


def elements(x: Tensor, operation: str) -> npt.NDArray[Any]:
    """Return the elements as an array on the host."""
    return on_host(x.backend, x.data, operation)
