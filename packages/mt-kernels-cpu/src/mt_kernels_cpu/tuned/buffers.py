"""Reuse of memory: from its second step on, training allocates nothing new.

The system fills new memory with zeros, page by page, when a program first touches it. That takes
longer than most operations on the memory. Each training step makes tensors of the same sizes as the
step before, so the memory of tensors that were deleted serves new ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.process import buffer_lock

REUSED_FROM = 2**15
"""Smallest size of a reused array, in bytes. Below, NumPy's own allocation is faster."""

BUFFER_CACHE_SIZE = 2**28
"""Largest size of all blocks together, in bytes. Beyond, unused blocks are freed before a new one
is allocated. A smaller limit makes steps with much memory allocate again each time."""

LOOKUP_CACHE_SIZE = 1024
"""Number of array sizes whose free list is cached."""

ALIGNMENT = 64
"""Alignment of arrays in bytes: a cache line of the processor."""


Block = npt.NDArray[np.uint8]
"""A block of memory, as bytes."""

FreeList = list[Block]
"""All blocks of one size. A block without other references is free."""


class Buffers:
    """Store of memory blocks, each of which serves one array after another.

    An array refers to its block, and views refer to the array. So Python's reference count shows
    whether a block is in use: a block to which only its free list refers is free. Blocks are never
    returned explicitly, so none can be returned too early.

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

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles have buffers of their own, at first without blocks.
        return (Buffers, ())

    def empty(self, count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return a one-dimensional array of `count` elements with arbitrary values."""
        try:
            free_list, size = self._free_list_for[count, dtype]
        except KeyError:
            size = count * np.dtype(dtype).itemsize
            if size < REUSED_FROM:
                return np.empty(count, dtype)
            free_list, size = self._find_free_list(count, dtype, _size_class(size))
        # No other thread may find a free block between the search and its use.
        with buffer_lock:
            for block in free_list:
                if references(block) == REFERENCES_WHEN_FREE:
                    return frombuffer(block, dtype, count)
            self._free_unused(size)
            free_list.append(_new_block(size))
            return frombuffer(free_list[-1], dtype, count)

    def _find_free_list(self, count: int, dtype: npt.DTypeLike, size: int) -> tuple[FreeList, int]:
        """Return the free list of a size, and the size of its blocks in bytes."""
        if len(self._free_list_for) >= LOOKUP_CACHE_SIZE:
            self._free_list_for.clear()
        found = self._free_lists.setdefault(size, []), size
        self._free_list_for[count, dtype] = found
        return found

    def _free_unused(self, size: int) -> None:
        """Free unused blocks if another block would exceed `BUFFER_CACHE_SIZE`."""
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
    """Return the number of references to each block."""
    counts = []
    for block in blocks:
        counts.append(references(block))
    return counts


REFERENCES_WHEN_FREE = _references([np.empty(0, np.uint8)])[0]
"""Reference count, during a loop over a free list, of a block to which only the list refers."""


def round_up(count: int, unit: int) -> int:
    """Round a count up to a multiple of a unit, such as the elements of a vector."""
    return -(-count // unit) * unit


def _size_class(size: int) -> int:
    """Round a size up by at most an eighth, so that nearly equal batches share blocks."""
    return round_up(size, 1 << max(0, size.bit_length() - 4))


def _new_block(size: int) -> Block:
    """Return new memory whose address is a multiple of `ALIGNMENT`."""
    memory = np.empty(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    # Through a memoryview, other arrays refer to the block and not to `memory`.
    return np.frombuffer(memoryview(memory)[first : first + size], np.uint8)  # type: ignore[arg-type]
