"""Shared memory with one array for each call and block, and arrays that report accesses.

numba's simulator identifies a shared array by its source line, keeps it from one block to the next,
and uses no lock. So two arrays on one line are one array; two threads that request an array at the
same time may receive different ones; and an element that a block does not write keeps the value of
the previous block. In this module, an array belongs to one call in one block.
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

ASSIGNMENT = re.compile(r"(\w+)\s*=\s*(?:\w+\.)*shared\.array\(")


class Watched:
    """An array that reports reads and writes to the current observer.

    Attributes:
        name: The name of the array in the kernel.
        shared: True for shared memory, false for global memory.
        dtype: The dtype of its elements.
        whole: The whole array, of which this one may be a row.
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
        self._element_addresses = _addresses(array)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._array, name)

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: Any) -> Any:
        address = self._element_addresses[index]
        if isinstance(address, np.ndarray):
            return Watched(self._array[index], self.name, self.shared, self.whole)
        observer = current_observer()
        if observer is not None:
            observer.on_access(self, int(address), None)
        return self._array[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._array[index] = value
        observer = current_observer()
        if observer is not None:
            # Report values as stored, after rounding. An index selects one element or a row.
            for address, stored in zip(
                np.ravel(self._element_addresses[index]).tolist(),
                np.ravel(self._array[index]).tolist(),
                strict=True,
            ):
                observer.on_access(self, address, stored)

    def element_name(self, address: int) -> str:
        """Return the expression for an element in the kernel, such as ``tile[2, 3]``."""
        index = np.argwhere(self.whole._element_addresses == address)[0].tolist()
        return f"{self.name}[{', '.join(map(str, index))}]"


def _addresses(array: Array) -> npt.NDArray[np.int64]:
    """Return the address of each element, in the shape of the array."""
    start, _ = array.__array_interface__["data"]
    addresses = np.full(array.shape, start, np.int64)
    for dim, (size, step) in enumerate(zip(array.shape, array.strides, strict=True)):
        addresses += (np.arange(size) * step).reshape(-1, *(1,) * (array.ndim - dim - 1))
    return addresses


_numba_array = kernelapi.FakeCUDAShared.array


def shared_array(self: Any, shape: Any, dtype: Any) -> Any:
    """Return the array of the current block for this call of ``cuda.shared.array``."""
    if shape == 0:  # Dynamic shared memory, of which there is only one array.
        return _numba_array(self, shape, dtype)
    frame = kernel_frame()
    block = tuple(current().blockIdx)
    if getattr(self, "_block", None) != block:
        self._block = block
        self._allocations.clear()
    call = (frame.f_code, frame.f_lasti)
    if call not in self._allocations:
        is_numba = isinstance(dtype, kernelapi.types.Type)
        kind = np.dtype(kernelapi.numpy_support.as_dtype(dtype) if is_numba else dtype)
        values = np.empty(shape, kind)
        if kind.kind == "f":
            # On a GPU, unwritten elements have arbitrary values; here they are NaN.
            values.fill(np.nan)
        self._allocations[call] = (
            values if current_observer() is None else Watched(values, _name(frame), shared=True)
        )
    return self._allocations[call]


def _name(frame: FrameType) -> str:
    """Return the name of the variable to which the kernel assigns the shared array."""
    line = getline(frame.f_code.co_filename, frame.f_lineno)
    found = ASSIGNMENT.search(line)
    return found[1] if found else "shared memory"
