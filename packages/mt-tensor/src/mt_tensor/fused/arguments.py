"""Checks of arguments that the forms of all backends share.

A form declines the arguments that these checks reject: the composed definition then computes the
result, or raises its error.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_tensor.tensor_data import TensorData


def fits_linear(
    input: TensorData,
    weight: TensorData,
    bias: TensorData | None,
    activation: str | None,
    activations: tuple[str | None, ...] = (None, "relu"),
) -> bool:
    """Return whether the arguments are valid for a linear layer with one of some activations.

    Shape:
        input (..., n), weight (n, m), bias (m,), with m > 0.
    """
    return (
        len(input.shape) >= 2
        and len(weight.shape) == 2
        and input.shape[-1] == weight.shape[0]
        and weight.shape[1] > 0
        and activation in activations
        and (bias is None or bias.shape == weight.shape[1:])
    )


def is_along_rows(input: TensorData, dim: int) -> bool:
    """Return whether `dim` is the last dimension of a tensor that has elements."""
    return len(input.shape) > 0 and dim in (-1, len(input.shape) - 1) and input.size > 0


def row_indices(table: TensorData, indices: Any) -> npt.NDArray[np.int64] | None:
    """Return a copy of the indices; None unless the table is a matrix and they are integers.

    The function does not check that the indices are in range.
    """
    numbers = np.asarray(indices)
    if len(table.shape) != 2 or numbers.size == 0 or numbers.dtype.kind not in "iu":
        return None
    return numbers.astype(np.int64)


def inverted_scale(rate: float) -> float:
    """Return the factor 1 / (1 - rate) of the elements that dropout keeps; 1 for a rate of 1.

    >>> inverted_scale(0.75)
    4.0
    """
    return 1.0 if rate == 1.0 else 1.0 / (1.0 - rate)


def pooling_window(input: TensorData, kernel: Any) -> tuple[int, int] | None:
    """Return height and width of a window; None unless windows of this size tile the images.

    Shape:
        input (N, C, H, W).
    """
    if len(input.shape) != 4 or input.size == 0:
        return None
    if not isinstance(kernel, tuple | list) or len(kernel) != 2:
        return None
    height, width = kernel
    if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
        return None
    return None if input.shape[2] % height or input.shape[3] % width else (height, width)


def pooled_shape(shape: tuple[int, ...], window: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the shape of images after pooling.

    Shape:
        (N, C, H, W) → (N, C, H / height, W / width).

    >>> pooled_shape((5, 3, 4, 6), (2, 3))
    (5, 3, 2, 2)
    """
    count, channels, height, width = shape
    return count, channels, height // window[0], width // window[1]
