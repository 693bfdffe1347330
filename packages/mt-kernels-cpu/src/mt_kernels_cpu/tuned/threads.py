"""Division of work among threads, no more than the amount of work justifies.

The kernels of this package are compiled once, for one thread, and release Python's interpreter lock
while they run. So ordinary threads run them side by side, each on its own part of a batch. Waiting
threads sleep and take no time from other programs.
"""

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
from numba.core import config

from mt_kernels_cpu.compiling.process import configure
from mt_tensor import recording

settings: Any = config

PARALLEL_FROM = 2**22
"""Smallest amount of work that is divided, in multiplications or steps like it. One thread does as
many in about 0.1 ms. A smaller value makes small tensors wait for threads to wake up."""

WAKEUP_COST = 2**21
"""Time in which a sleeping thread wakes up, in multiplications of the calling thread."""

Part = tuple[int, int]
"""Start of a part of a range, and its end, which is not included."""


def partition(count: int, steps: int) -> list[Part]:
    """Divide a range into parts, one for each thread that is worth waking up.

    All threads finish at about the same time. So the first part is the largest: the calling thread
    does it and need not wake up.

    Args:
        count: The length of the range.
        steps: The multiplications of the whole range.
    """
    if steps < PARALLEL_FROM or settings.NUMBA_NUM_THREADS == 1:
        return [(0, count)]
    # `get_num_threads` makes numba start its threads.
    configure()
    threads = min(numba.get_num_threads(), count)
    share = count / threads * (1 - WAKEUP_COST / steps)
    ends = [0, *(round(count - part * share) for part in range(threads - 1, -1, -1))]
    return [(first, last) for first, last in pairwise(ends) if first < last]


def run_parallel(parts: list[Part], work: Callable[[int, int, int], object]) -> None:
    """Process the parts of a range, each on a separate thread.

    Args:
        parts: The parts; the calling thread takes the first.
        work: A function of the number, the start and the end of a part.

    Raises:
        Exception: The first exception that `work` raised.
    """
    if len(parts) == 1:
        work(0, *parts[0])
        return
    works = [functools.partial(work, at, *part) for at, part in enumerate(parts)]
    recorder = recording.recorder()
    if recorder is None:
        run_side_by_side(works)
    else:
        recorder.side_by_side(run_side_by_side, works)


def run_side_by_side(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call functions, the first on this thread and each of the others on one of the pool.

    Returns:
        Their results, in order.

    Raises:
        Exception: The first exception that one of them raised.
    """
    pool = _thread_pool(os.getpid())
    futures = [pool.submit(work) for work in works[1:]]
    return [works[0](), *(future.result() for future in futures)]


@functools.lru_cache(maxsize=1)
def _thread_pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process. A forked child does not have its parent's threads."""
    return ThreadPoolExecutor(max(1, settings.NUMBA_NUM_THREADS - 1), "mt_kernels_cpu")
