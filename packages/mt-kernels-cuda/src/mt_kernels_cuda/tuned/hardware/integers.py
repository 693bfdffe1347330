"""Arithmetic of whole numbers in kernels, where numba's own is slow or not to be had."""

from typing import Any

import numpy as np

from mt_kernels_cuda.jit import device_function


@device_function
def smaller(a: int, b: int) -> int:
    """Return the smaller of two whole numbers.

    It stands for ``min``, which numba compiles only where there is a GPU.
    """
    return a if a < b else b


@device_function
def parted(number: int, size: int) -> tuple[int, int]:
    """Return quotient and rest of two whole numbers, none of them negative.

    A GPU has no instruction for this. ``//`` and ``%`` divide twice, and mind signs.
    """
    # With a sign again: a number without one and another with one would make a float.
    quotient: Any = np.int64(np.uint64(number) // np.uint64(size))
    return quotient, number - quotient * size
