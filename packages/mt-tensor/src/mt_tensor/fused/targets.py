"""Checks of the targets of losses that the forms of all backends share.

A form declines the targets that these checks reject: the composed definition raises its error.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt


def class_targets(targets: Any, rows: int) -> npt.NDArray[np.int64] | None:
    """Return a copy of the targets; None unless they are one integer for each row.

    >>> class_targets([2.0, 0.0], 2)
    array([2, 0])
    >>> class_targets([0.5, 0.0], 2)
    """
    classes = np.asarray(targets)
    if classes.shape != (rows,) or classes.dtype.kind not in "iuf":
        return None
    if classes.dtype.kind == "f" and not np.array_equal(classes, np.floor(classes)):
        return None
    return classes.astype(np.int64)


def flat_targets(
    targets: Any, shape: tuple[int, ...], dtype: npt.DTypeLike
) -> npt.NDArray[Any] | None:
    """Return a flat copy of the targets; None unless they are one number for each element.

    Shape:
        shape → (size,).

    >>> flat_targets([[1, 0]], (1, 2), np.float32)
    array([1., 0.], dtype=float32)
    """
    numbers = np.asarray(targets)
    if numbers.shape != shape or numbers.dtype.kind not in "iufb":
        return None
    return numbers.astype(dtype, order="C").reshape(-1)


def min_probability(dtype: npt.DTypeLike) -> float:
    """Return the lower bound to which `mt_nn.binary_cross_entropy` clamps probabilities.

    The bound is $e^{-100}$, as in PyTorch, or the smallest normal number of the dtype if that is
    larger: the reciprocal of a smaller number is infinite.
    """
    return max(math.exp(-100.0), float(np.finfo(dtype).tiny))
