"""Reuse of memory: a block is used again when nothing else refers to it, and not before."""

import gc
import threading

import numpy as np
import pytest

from mt_kernels_cpu.tuned import buffers as module
from mt_kernels_cpu.tuned.buffers import ALIGNMENT, REUSED_FROM, Buffers

LARGE = 100_000


def address(array: np.ndarray[tuple[int], np.dtype[np.float32]]) -> int:
    return array.ctypes.data


def test_free_blocks_are_reused() -> None:
    buffers = Buffers()
    first = buffers.empty(LARGE, np.float32)
    assert first.shape == (LARGE,)
    assert first.dtype == np.float32
    assert first.flags.writeable
    location = address(first)
    assert location % ALIGNMENT == 0
    second = buffers.empty(LARGE, np.float32)
    assert not np.shares_memory(first, second)
    del first
    assert address(buffers.empty(LARGE, np.float32)) == location


@pytest.mark.parametrize(
    "view",
    [
        lambda array: array[10:20],
        lambda array: array.reshape(100, -1).T[3],
        lambda array: np.lib.stride_tricks.as_strided(array, (3, 3), (4, 0)),
        lambda array: memoryview(array)[5:],
        lambda array: np.frombuffer(array, np.uint8)[7:9],
    ],
)
def test_a_view_keeps_its_block(view: object) -> None:
    buffers = Buffers()
    array = buffers.empty(LARGE, np.float32)
    array[:] = 1.0
    location = address(array)
    assert callable(view)
    part = view(array)
    del array
    other = buffers.empty(LARGE, np.float32)
    assert address(other) != location
    other[:] = 2.0
    assert np.asarray(part).flat[0] != 2.0
    del part
    gc.collect()
    assert address(buffers.empty(LARGE, np.float32)) == location


def test_nearly_equal_sizes_and_other_dtypes_reuse_one_block() -> None:
    buffers = Buffers()
    location = address(buffers.empty(LARGE, np.float32))
    assert address(buffers.empty(LARGE - 100, np.float32)) == location
    assert address(buffers.empty(LARGE // 2, np.float64)) == location
    assert address(buffers.empty(LARGE // 4, np.float32)) != location


@pytest.mark.parametrize("count", [0, 1, REUSED_FROM // 4 - 1, REUSED_FROM // 4, LARGE + 1])
def test_every_element_can_be_written(count: int) -> None:
    array = Buffers().empty(count, np.float32)
    array[:] = np.arange(count)
    assert array.sum(dtype=np.float64) == count * (count - 1) / 2


def test_unused_blocks_beyond_the_limit_are_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUFFER_CACHE_SIZE", 3 * 4 * LARGE)
    buffers = Buffers()
    arrays = [buffers.empty(LARGE, np.float32) for _ in range(5)]
    addresses = {address(array) for array in arrays}
    used = arrays.pop()
    arrays.clear()
    # Four blocks are free and one is in use; only a new size of block frees any.
    again = [buffers.empty(LARGE, np.float32) for _ in range(2)]
    assert {address(array) for array in again} <= addresses
    del again
    buffers.empty(LARGE // 2, np.float32)
    blocks = [block for free_list in buffers._free_lists.values() for block in free_list]
    assert len(blocks) == 2
    assert any(np.shares_memory(block, used) for block in blocks)


def test_number_of_cached_sizes_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKUP_CACHE_SIZE", 3)
    buffers = Buffers()
    for count in range(LARGE, LARGE + 10):
        assert buffers.empty(count, np.float32).shape == (count,)
    assert len(buffers._free_list_for) <= 3


def test_threads_never_share_a_block() -> None:
    buffers = Buffers()
    errors: list[int] = []

    def work(number: int) -> None:
        for _ in range(300):
            array = buffers.empty(LARGE, np.float32)
            array[::1000] = number
            if (array[::1000] != number).any():
                errors.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
