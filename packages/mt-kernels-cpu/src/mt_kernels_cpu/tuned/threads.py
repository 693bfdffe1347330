"""Dividing work among threads, as few as it repays.

The kernels of this package are compiled once, for one thread, and leave Python's interpreter free
while they run. So several of them run side by side in ordinary threads, each on its own part of a
batch. Threads that wait for work sleep: they take no time from other programs.
"""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
from numba.core import config

settings: Any = config

PARALLEL_FROM = 2**22
"""The number of multiplications, or of steps like it, from which on work is divided.

One thread does them in about 0.1 ms; waking another one takes 0.02 to 0.05 ms.
"""


def threads_for(steps: int, most: int) -> int:
    """Return on how many threads to do some work.

    Args:
        steps: Multiplications in all.
        most: Into how many parts the work can be divided.
    """
    if steps < PARALLEL_FROM or settings.NUMBA_NUM_THREADS == 1:
        return 1
    return max(1, min(numba.get_num_threads(), most))


def divide(count: int, threads: int, work: Callable[[int, int, int], object]) -> None:
    """Go through a range on several threads.

    Args:
        count: How long the range is.
        threads: How many threads take part, the calling one among them.
        work: Called with the number of a part, where it begins and where it ends.
    """
    if threads == 1:
        work(0, 0, count)
        return
    ends = [count * part // threads for part in range(threads + 1)]
    helped = [
        _helpers().submit(work, part, ends[part], ends[part + 1]) for part in range(1, threads)
    ]
    work(0, 0, ends[1])
    for part in helped:
        part.result()


@functools.cache
def _helpers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, settings.NUMBA_NUM_THREADS - 1), "mt_kernels_cpu")


if hasattr(os, "register_at_fork"):
    # A child process does not have its parent's threads.
    os.register_at_fork(after_in_child=_helpers.cache_clear)
