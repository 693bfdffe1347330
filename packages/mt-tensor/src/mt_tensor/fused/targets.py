"""What a loss wants of its targets, for the forms of all backends.

What is refused here, the composed definition refuses with an error.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt


def class_targets(targets: Any, rows: int) -> npt.NDArray[np.int64] | None:
    """Return targets as an array of their own, None unless there is a whole number for each row.

    >>> class_targets([2.0, 0.0], 2)
    array([2, 0])
    >>> class_targets([0.5, 0.0], 2)
    """
    given = np.asarray(targets)
    if given.shape != (rows,) or given.dtype.kind not in "iuf":
        return None
    if given.dtype.kind == "f" and not np.array_equal(given, np.floor(given)):
        return None
    return given.astype(np.int64)


def flat_targets(
    targets: Any, shape: tuple[int, ...], dtype: npt.DTypeLike
) -> npt.NDArray[Any] | None:
    """Return targets as a flat array of their own, None unless there is a number for each element.

    Shape:
        shape → (size,).

    >>> flat_targets([[1, 0]], (1, 2), np.float32)
    array([1., 0.], dtype=float32)
    """
    given = np.asarray(targets)
    if given.shape != shape or given.dtype.kind not in "iufb":
        return None
    return given.astype(dtype, order="C").reshape(-1)


def least_probability(dtype: npt.DTypeLike) -> float:
    """Return the least probability whose logarithm `mt_nn.binary_cross_entropy` takes.

    Its logarithm is -100, or that of the smallest normal number of the dtype: below, a reciprocal
    would not be finite.
    """
    return max(math.exp(-100.0), float(np.finfo(dtype).tiny))
