"""Integer arithmetic of kernels, where numba's own is slow or missing."""

from typing import Any

import numpy as np

from mt_kernels_cuda.jit import device_function


@device_function
def smaller(a: int, b: int) -> int:
    """Return the smaller of two integers.

    It replaces ``min``, which numba compiles only where there is a GPU.
    """
    return a if a < b else b


@device_function
def divmod(number: int, size: int) -> tuple[int, int]:
    """Return quotient and remainder of two integers that are not negative.

    A GPU has no instruction for a division. ``//`` and ``%`` would divide twice, and treat signs.
    """
    # Signed again: from a signed and an unsigned integer numba would make a float.
    quotient: Any = np.int64(np.uint64(number) // np.uint64(size))
    return quotient, number - quotient * size
