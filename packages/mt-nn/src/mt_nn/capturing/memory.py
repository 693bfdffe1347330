"""The memory of a recorded step: intermediate values share it as their use allows.

While a step is recorded, every intermediate value has memory of its own, a *block*. Afterwards the
blocks are placed in one piece of memory. Two of them overlap there if the last call that uses one
comes before the first call that uses the other.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from mt_nn.capturing.structures import Array, map_items
from mt_tensor.recording import Call

ALIGNMENT = 64
"""Alignment of blocks in bytes: a cache line of the processor."""


class Blocks:
    """The blocks of one recording.

    A block is an array of bytes. Only the arrays of the recorded calls, and tensors of the user,
    refer to it.
    """

    def __init__(self) -> None:
        self._blocks: list[weakref.ref[Array]] = []

    def allocate(self, count: int, dtype: np.dtype[Any]) -> Array:
        """Return an array in a new block, (count,), with arbitrary elements."""
        size = count * dtype.itemsize
        block = np.empty(size + ALIGNMENT, np.uint8)
        self._blocks.append(weakref.ref(block))
        return _aligned(block)[:size].view(dtype)

    def _alive(self) -> Iterator[Array]:
        for each in self._blocks:
            block = each()
            if block is not None:
                yield block

    def place(self, calls: list[Call]) -> int:
        """Move the blocks to which only calls refer into shared memory.

        Args:
            calls: All calls; they are replaced by calls with the new memory. The caller must not
                hold arrays of them.

        Returns:
            The size of the memory of all blocks after that, in bytes.
        """
        known = {id(each): each for each in self._alive()}
        uses = _uses(calls, known.keys())
        size = {key: each.nbytes - ALIGNMENT for key, each in known.items()}
        addresses = {key: each.ctypes.data for key, each in known.items()}
        references = {key: weakref.ref(each) for key, each in known.items()}
        # Descriptions in place of arrays: the calls must not keep the blocks alive.
        described = [_described(each, known.keys()) for each in calls]
        calls.clear()
        known.clear()
        gc.collect()
        kept = {key: found for key, each in references.items() if (found := each()) is not None}
        offsets: dict[int, int] = {}
        for key in sorted(uses.keys() - kept.keys(), key=lambda each: -size[each]):
            offsets[key] = _first_fit(key, size, uses, offsets)
        total = max((offset + size[key] for key, offset in offsets.items()), default=0)
        shared = _aligned(np.empty(total + ALIGNMENT, np.uint8))

        @cache  # One object for each view: some calls return an argument.
        def restored(view: _View) -> Array:
            buffer, start = kept.get(view.owner, shared), addresses[view.owner]
            offset = view.address - start
            if view.owner in offsets:
                offset = offsets[view.owner] + view.address - _align(start)
            return np.ndarray(view.shape, view.dtype, buffer, offset, view.strides)

        calls += [Call(*_restored(each, restored)) for each in described]
        return total + sum(block.nbytes for block in kept.values())


class _View(NamedTuple):
    """An array of intermediate values, by its place in memory."""

    owner: int
    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]


class _Method(NamedTuple):
    """A method of an array."""

    view: Any
    name: str


def _described(value: Any, known: AbstractSet[int]) -> Any:
    """Return a call with the arrays of known memory as descriptions."""
    if isinstance(value, np.ndarray):
        key = id(_owner(value))
        if key not in known:
            return value
        return _View(key, value.ctypes.data, value.shape, value.strides, value.dtype)
    if isinstance(value, tuple | list):
        return map_items(value, partial(_described, known=known))
    if isinstance(getattr(value, "__self__", None), np.ndarray):
        return _Method(_described(value.__self__, known), value.__name__)
    return value


def _restored(value: Any, restore: Callable[[_View], Array]) -> Any:
    """Return a call with arrays in place of their descriptions."""
    if isinstance(value, _View):
        return restore(value)
    if isinstance(value, _Method):
        return getattr(_restored(value.view, restore), value.name)
    if isinstance(value, tuple | list):
        return map_items(value, partial(_restored, restore=restore))
    return value


def _arrays(value: Any) -> Iterator[Array]:
    """Yield the arrays of a call."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _arrays(each)
    elif isinstance(getattr(value, "__self__", None), np.ndarray):
        yield value.__self__


def _uses(calls: list[Call], known: AbstractSet[int]) -> dict[int, tuple[int, int]]:
    """Return the positions of the first and the last call that uses each block."""
    uses: dict[int, tuple[int, int]] = {}
    for at, call in enumerate(calls):
        for array in _arrays((call.fn, call.args)):
            key = id(_owner(array))
            if key in known:
                uses[key] = (uses.get(key, (at, at))[0], at)
    return uses


def _owner(array: Array) -> Any:
    """Return the object that owns an array's memory."""
    return array if array.base is None else array.base


def _first_fit(
    key: int, size: dict[int, int], uses: dict[int, tuple[int, int]], placed: dict[int, int]
) -> int:
    """Return the lowest offset at which a block overlaps with no other that is in use then."""
    first, last = uses[key]
    taken = sorted(
        (offset, offset + size[other])
        for other, offset in placed.items()
        if uses[other][0] <= last and first <= uses[other][1]
    )
    offset = 0
    for start, end in taken:
        if offset + size[key] <= start:
            break
        offset = max(offset, _align(end))
    return offset


def _align(address: int) -> int:
    return -(-address // ALIGNMENT) * ALIGNMENT


def _aligned(memory: Array) -> Array:
    """Return the memory from its first multiple of `ALIGNMENT` on."""
    return memory[-memory.ctypes.data % ALIGNMENT :]
