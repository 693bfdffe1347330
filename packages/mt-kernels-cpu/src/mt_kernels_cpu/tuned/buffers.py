"""Memory that is used again: a training step after the first asks the system for none.

Memory that comes new from the system is filled with zeros page by page as it is first touched,
which takes longer than most operations on it. A step of training makes tensors of the same sizes
as the one before, so the memory of those that are gone serves those that come.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

REUSED_FROM = 2**15
"""Bytes from which on memory is kept; NumPy itself is quick with less."""

KEPT = 2**28
"""Bytes that wait for their next use, at most."""

ALIGNMENT = 64
"""Arrays begin at a multiple of this many bytes: a line of the processor's cache."""


class Buffers:
    """A store of blocks of memory, each of which serves one array after the other.

    A block returns when the last array or view on it is gone, whoever holds it: there is nothing
    to give back by hand, and nothing can be given back too early.

    >>> buffers = Buffers()
    >>> first = buffers.empty(100_000, np.float32)
    >>> address = first.ctypes.data
    >>> del first
    >>> buffers.empty(100_000, np.float32).ctypes.data == address
    True
    """

    def __init__(self) -> None:
        self._free: dict[int, list[memoryview]] = {}
        self._waiting = 0
        self._lent: dict[int, tuple[weakref.ref[npt.NDArray[Any]], memoryview]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles of whatever holds buffers begin with none of their own.
        return (Buffers, ())

    def empty(self, count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return a one-dimensional array whose elements have no particular value."""
        dtype = np.dtype(dtype)
        size = count * dtype.itemsize
        if size < REUSED_FROM:
            return np.empty(count, dtype)
        size = _rounded(size)
        free = self._free.get(size)
        if free:
            block = free.pop()
            self._waiting -= size
        else:
            block = _new_block(size)
        # The block is no array: so every view of this array holds on to the array itself.
        array: npt.NDArray[Any] = np.frombuffer(block, dtype, count)
        loan = weakref.ref(array, self._take_back)
        self._lent[id(loan)] = (loan, block)
        return array

    def _take_back(self, loan: weakref.ref[npt.NDArray[Any]]) -> None:
        """Keep the block of an array that is gone, unless enough are waiting."""
        _, block = self._lent.pop(id(loan))
        if self._waiting + block.nbytes <= KEPT:
            self._waiting += block.nbytes
            self._free.setdefault(block.nbytes, []).append(block)


def _rounded(size: int) -> int:
    """Round a size up by an eighth at most, so that batches of nearly one size share blocks."""
    step = 1 << max(0, size.bit_length() - 4)
    return -(-size // step) * step


def _new_block(size: int) -> memoryview:
    """Return new memory that begins at a multiple of `ALIGNMENT`."""
    memory = np.empty(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memoryview(memory)[first : first + size]  # type: ignore[arg-type]
