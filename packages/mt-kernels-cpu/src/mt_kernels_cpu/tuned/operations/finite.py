"""Tests for infinite elements and NaN.

One pass adds the squares of all elements, which the compiler vectorises::

    elements   x₀   x₁   x₂  …
    total      x₀² + x₁² + x₂² + …   is finite, infinite, or NaN
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import fastmath_kernel
from mt_tensor import TensorData, host_array, recording
from mt_tensor.layout import Storage


def all_finite(a: TensorData) -> bool:
    """Return whether no element is infinite or NaN.

    Also False if the sum of the squares overflows.
    """
    elements = a.flat()
    if elements is None and a.size == len(a.storage) and 0 not in a.strides:
        # A permutation: all elements of the storage, in another order. A broadcast tensor may have
        # as many elements, but not those of the storage.
        elements = a.storage
    if elements is None:
        return recording.called(_all_finite, host_array(a))
    return sum_of_squares_is(FINITE, elements)


def has_nan(a: TensorData) -> bool:
    """Return whether an element is NaN. The sum of the squares is NaN exactly then."""
    elements = a.flat()
    if elements is None:
        elements = host_array(a).reshape(-1)
    return sum_of_squares_is(NAN, elements)


def _all_finite(a: npt.NDArray[Any]) -> bool:
    return bool(np.isfinite(a).all())


FINITE, NAN = False, True


@fastmath_kernel
def sum_of_squares_is(is_nan: bool, elements: Storage) -> bool:
    """Return whether the sum of the squares is finite or, if `is_nan` is true, whether it is NaN.

    Shape:
        elements (size,).
    """
    total = elements.dtype.type(0)
    for i in range(len(elements)):
        total += elements[i] * elements[i]
    return math.isnan(total) if is_nan else math.isfinite(total)
