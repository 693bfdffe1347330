"""Mends numba's simulator: its shared memory, and its slowness.

numba recognises a shared array by the line that asks for it, without a lock. So two arrays on one
line are the same one; and of two threads that ask first at the same time, each may get an array
of its own, so that now and then a kernel's result is wrong. Here an array belongs to the very call
that asks for it, and the threads of a block ask one after the other.

The threads of a block are threads of Python, which waits some time before it lets another one run;
at a barrier all of them wait so. A shorter time makes kernels several times faster.
"""

import sys
import threading
from typing import Any

import numpy as np
from numba.cuda.simulator import kernelapi

SHORT_TURN = 1e-4
"""Seconds that a thread may run while others wait, at least."""

_asking = threading.Lock()
_numba_array = kernelapi.FakeCUDAShared.array


def _array(self: Any, shape: Any, dtype: Any) -> Any:
    """Return the array of the block for the call of ``cuda.shared.array`` that is running."""
    if shape == 0:  # Memory whose size is given at the launch; there is only one such array.
        return _numba_array(self, shape, dtype)
    caller = sys._getframe(1)
    place = (caller.f_code, caller.f_lasti)
    with _asking:
        if place not in self._allocations:
            is_numba = isinstance(dtype, kernelapi.types.Type)
            kind = np.dtype(kernelapi.numpy_support.as_dtype(dtype) if is_numba else dtype)
            cells = np.empty(shape, kind)
            if kind.kind == "f":
                # Reading a cell before it is written gives anything on a GPU; let it show here.
                cells.fill(np.nan)
            self._allocations[place] = cells
        return self._allocations[place]


def mend() -> None:
    """Put the mended shared memory in place of numba's, and let threads take short turns."""
    sys.setswitchinterval(SHORT_TURN)
    kernelapi.FakeCUDAShared.array = _array
