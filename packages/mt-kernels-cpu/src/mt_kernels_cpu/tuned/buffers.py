"""Memory that is used again: a training step after the first asks the system for none.

Memory that comes new from the system is filled with zeros page by page as it is first touched,
which takes longer than most operations on it. A step of training makes tensors of the same sizes
as the one before, so the memory of those that are gone serves those that come.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

REUSED_FROM = 2**15
"""Bytes from which on memory is used again; NumPy itself is quick with less."""

BUFFER_CACHE_SIZE = 2**28
"""Bytes of all blocks beyond which unused ones are freed before a new one is allocated."""

LOOKUP_CACHE_SIZE = 1024
"""Number of array sizes whose free list is remembered."""

ALIGNMENT = 64
"""Arrays begin at a multiple of this many bytes: a line of the processor's cache."""


Block = npt.NDArray[np.uint8]
FreeList = list[Block]


class Buffers:
    """A store of blocks of memory, each of which serves one array after the other.

    An array holds on to its block, and views hold on to the array. So Python itself counts who
    uses a block, and one to which only its free list refers is free: there is nothing to give back
    by hand, and nothing can be given back too early.

    >>> buffers = Buffers()
    >>> first = buffers.empty(100_000, np.float32)
    >>> address = first.ctypes.data
    >>> del first
    >>> buffers.empty(100_000, np.float32).ctypes.data == address
    True
    """

    def __init__(self) -> None:
        self._free_lists: dict[int, FreeList] = {}
        self._free_list_for: dict[tuple[int, npt.DTypeLike], tuple[FreeList, int]] = {}
        # Between finding a free block and using it, nobody else must find it.
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles of whatever holds buffers begin with none of their own.
        return (Buffers, ())

    def empty(self, count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return a one-dimensional array whose elements have no particular value."""
        try:
            free_list, size = self._free_list_for[count, dtype]
        except KeyError:
            size = count * np.dtype(dtype).itemsize
            if size < REUSED_FROM:
                return np.empty(count, dtype)
            free_list, size = self._find_free_list(count, dtype, _size_class(size))
        with self._lock:
            for block in free_list:
                if references(block) == REFERENCES_WHEN_FREE:
                    return frombuffer(block, dtype, count)
            self._free_unused(size)
            free_list.append(_new_block(size))
            return frombuffer(free_list[-1], dtype, count)

    def _find_free_list(self, count: int, dtype: npt.DTypeLike, size: int) -> tuple[FreeList, int]:
        """Return the list of the blocks for an array, and their size."""
        if len(self._free_list_for) >= LOOKUP_CACHE_SIZE:
            self._free_list_for.clear()
        found = self._free_lists.setdefault(size, []), size
        self._free_list_for[count, dtype] = found
        return found

    def _free_unused(self, size: int) -> None:
        """Let blocks go that nobody uses, if there are too many bytes for another block."""
        if (
            size + sum(size * len(free_list) for size, free_list in self._free_lists.items())
            > BUFFER_CACHE_SIZE
        ):
            for free_list in self._free_lists.values():
                free_list[:] = [
                    block
                    for block, count in zip(free_list, _references(free_list), strict=True)
                    if count > REFERENCES_WHEN_FREE
                ]


references = sys.getrefcount
frombuffer = np.frombuffer


def _references(blocks: Iterable[Block]) -> list[int]:
    """Return how many references there are to each block."""
    counts = []
    for block in blocks:
        counts.append(references(block))
    return counts


REFERENCES_WHEN_FREE = _references([np.empty(0, np.uint8)])[0]
"""References that a loop over a free list counts to a block to which only the list refers."""


def round_up(count: int, unit: int) -> int:
    """Round up to whole units, such as vectors."""
    return -(-count // unit) * unit


def _size_class(size: int) -> int:
    """Round a size up by an eighth at most, so that batches of nearly one size share blocks."""
    return round_up(size, 1 << max(0, size.bit_length() - 4))


def _new_block(size: int) -> Block:
    """Return new memory that begins at a multiple of `ALIGNMENT`."""
    memory = np.empty(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    # The memory is the block's, but the block is the array that others refer to.
    return np.frombuffer(memoryview(memory)[first : first + size], np.uint8)  # type: ignore[arg-type]
