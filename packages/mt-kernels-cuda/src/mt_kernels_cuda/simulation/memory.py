"""Shared memory, one array for each call and block, and arrays that report accesses.

numba identifies a shared array by the line that requests it, keeps it from one block to the next,
and has no lock. So two arrays on one line are the same one; two threads that request an array at
the same time may get different ones; and an element that a block does not write keeps the number
of the block before. Here an array belongs to one call, in one block.
"""

import re
from linecache import getline
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.cuda.simulator import kernelapi

from .blocks import current
from .observing import current_observer, kernel_frame

Array = npt.NDArray[Any]

NAMED = re.compile(r"(\w+)\s*=\s*(?:\w+\.)*shared\.array\(")


class Watched:
    """An array that reports reads and writes to the current observer.

    Attributes:
        name: Its name in the kernel.
        shared: True for shared memory, false for global memory.
        dtype: The type of its elements.
    """

    def __init__(
        self,
        array: Array,
        name: str,
        shared: bool,
        whole: "Watched | None" = None,
    ) -> None:
        self.name = name
        self.shared = shared
        self.whole = whole or self
        self._array = array
        self._cells = _addresses(array)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._array, name)

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: Any) -> Any:
        cell = self._cells[index]
        if isinstance(cell, np.ndarray):
            return Watched(self._array[index], self.name, self.shared, self.whole)
        observer = current_observer()
        if observer is not None:
            observer.on_access(self, int(cell), None)
        return self._array[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._array[index] = value
        observer = current_observer()
        if observer is not None:
            # Reports numbers as stored, after rounding. One element as a rule, a row at most.
            for cell, now in zip(
                np.ravel(self._cells[index]).tolist(),
                np.ravel(self._array[index]).tolist(),
                strict=True,
            ):
                observer.on_access(self, cell, now)

    def place_of(self, cell: int) -> str:
        """Return an element as the kernel would write it: ``tile[2, 3]``."""
        index = np.argwhere(self.whole._cells == cell)[0].tolist()
        return f"{self.name}[{', '.join(map(str, index))}]"


def _addresses(array: Array) -> npt.NDArray[np.int64]:
    """Return the address of each element."""
    start, _ = array.__array_interface__["data"]
    cells = np.full(array.shape, start, np.int64)
    for dim, (size, step) in enumerate(zip(array.shape, array.strides, strict=True)):
        cells += (np.arange(size) * step).reshape(-1, *(1,) * (array.ndim - dim - 1))
    return cells


_numba_array = kernelapi.FakeCUDAShared.array


def shared_array(self: Any, shape: Any, dtype: Any) -> Any:
    """Return the block's array for the running call of ``cuda.shared.array``."""
    if shape == 0:  # Memory whose size is given at the launch; there is only one such array.
        return _numba_array(self, shape, dtype)
    frame = kernel_frame()
    block = tuple(current().blockIdx)
    if getattr(self, "_block", None) != block:
        self._block = block
        self._allocations.clear()
    place = (frame.f_code, frame.f_lasti)
    if place not in self._allocations:
        is_numba = isinstance(dtype, kernelapi.types.Type)
        kind = np.dtype(kernelapi.numpy_support.as_dtype(dtype) if is_numba else dtype)
        cells = np.empty(shape, kind)
        if kind.kind == "f":
            # On a GPU, an element has any value before it is written; here it is NaN.
            cells.fill(np.nan)
        self._allocations[place] = (
            cells if current_observer() is None else Watched(cells, _name(frame), shared=True)
        )
    return self._allocations[place]


def _name(frame: FrameType) -> str:
    """Return the name that the kernel gives to the shared array."""
    line = getline(frame.f_code.co_filename, frame.f_lineno)
    found = NAMED.search(line)
    return found[1] if found else "shared memory"
