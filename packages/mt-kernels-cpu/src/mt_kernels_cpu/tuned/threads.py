"""Dividing work among threads, as few as it repays.

The kernels of this package are compiled once, for one thread, and leave Python's interpreter free
while they run. So several of them run side by side in ordinary threads, each on its own part of a
batch. Threads that wait for work sleep: they take no time from other programs.
"""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
from numba.core import config

from mt_kernels_cpu.compiling.process import configure

settings: Any = config

PARALLEL_FROM = 2**22
"""The number of multiplications, or of steps like it, from which on work is divided.

One thread does them in about 0.1 ms.
"""

WAKEUP_COST = 2**21
"""Multiplications that the calling thread does while another one wakes up."""

Part = tuple[int, int]
"""The first position of a part of a range, and the position behind its last."""


def partition(count: int, steps: int) -> list[Part]:
    """Divide a range into one part for each thread that is worth waking up.

    All are done at about the same time: the first part, which is for the thread that need not wake
    up, is the largest.

    Args:
        count: How long the range is.
        steps: Multiplications in all of it.
    """
    if steps < PARALLEL_FROM or settings.NUMBA_NUM_THREADS == 1:
        return [(0, count)]
    # The question makes numba start its threads.
    configure()
    threads = min(numba.get_num_threads(), count)
    share = count / threads * (1 - WAKEUP_COST / steps)
    ends = [0, *(round(count - part * share) for part in range(threads - 1, -1, -1))]
    return [(first, last) for first, last in pairwise(ends) if first < last]


def run_parallel(parts: list[Part], work: Callable[[int, int, int], object]) -> None:
    """Go through the parts of a range, each on a thread of its own.

    Args:
        parts: The calling thread's, and those of others.
        work: Called with the number of a part, where it begins and where it ends.
    """
    if len(parts) == 1:
        work(0, *parts[0])
        return
    pool = _thread_pool(os.getpid())
    futures = [pool.submit(work, at, *part) for at, part in enumerate(parts[1:], 1)]
    work(0, *parts[0])
    for part in futures:
        part.result()


@functools.lru_cache(maxsize=1)
def _thread_pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process: a forked child does not have its parent's."""
    return ThreadPoolExecutor(max(1, settings.NUMBA_NUM_THREADS - 1), "mt_kernels_cpu")
