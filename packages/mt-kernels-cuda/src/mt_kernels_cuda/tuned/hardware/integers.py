"""Integer functions for kernels, where those of numba are slow or missing."""

from typing import Any

import numpy as np

from mt_kernels_cuda.jit import device_function


@device_function
def smaller(a: int, b: int) -> int:
    """Return the smaller of two integers.

    It replaces ``min``, which numba can compile only if a GPU is present.
    """
    return a if a < b else b


@device_function
def divmod(number: int, size: int) -> tuple[int, int]:
    """Return quotient and remainder of two non-negative integers.

    A GPU has no instruction for integer division, so that each one is slow. ``//`` and ``%`` would
    divide twice and handle signs.
    """
    # Convert back: numba would convert a signed and an unsigned operand to floats.
    quotient: Any = np.int64(np.uint64(number) // np.uint64(size))
    return quotient, number - quotient * size
