"""Division of work among threads, no more than the amount of work justifies.

The kernels of this package are compiled once, for one thread, and release Python's interpreter lock
while they run. So ordinary threads run them side by side, each on its own part of a batch. A thread
that waits looks for work for about 0.1 ms; then it sleeps and takes no time from other programs.
"""

import functools
import os
import queue
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numba
import numpy as np
from numba.core import config

from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED
from mt_kernels_cpu.compiling.process import configure
from mt_kernels_cpu.tuned.waiting import THREADS_CAN_SLEEP, await_change
from mt_tensor import recording

settings: Any = config

PARALLEL_FROM = 2**22
"""Smallest amount of work that is divided, in multiplications or steps like it. One thread does as
many in about 0.1 ms. A smaller value makes small tensors wait for other threads, and lets the
published accuracies of small batches depend on the number of threads, because the sums of a divided
gradient are added in another order."""

WAKEUP_COST = 2**21
"""Time in which another thread begins its work, in multiplications of the calling thread."""

INDEPENDENT_FROM, RECORDED_COST = 2**18, 2**16
"""Smallest amount of independent work that a recorded step divides, and the time in which another
thread begins its work there: it waits in native code (`mt_kernels_cpu.tuned.replaying.team`)."""

SPINS = 3_000
"""Number of times that a waiting thread looks for a change before it sleeps: about 0.1 ms."""


class _State(threading.local):
    """State of a thread.

    Attributes:
        divides: False if other threads compute other parts at the same time.
    """

    divides = True


_state = _State()

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
    return _divided(count, steps, PARALLEL_FROM, WAKEUP_COST)


def partition_independent(count: int, steps: int) -> list[Part]:
    """Divide a range as `partition` does, in a recorded step also for less work.

    No sum has terms from several elements of the range, so each division gives the same results.
    """
    if recording.recorder() is None or not THREADS_CAN_SLEEP:
        return partition(count, steps)
    return _divided(count, steps, INDEPENDENT_FROM, RECORDED_COST)


def _divided(count: int, steps: int, least: int, wakeup_cost: int) -> list[Part]:
    # Kernels that run as Python hold the interpreter lock.
    if steps < least or settings.NUMBA_NUM_THREADS == 1 or JIT_IS_DISABLED or not _state.divides:
        return [(0, count)]
    # `get_num_threads` makes numba start its threads.
    configure()
    threads = min(numba.get_num_threads(), count)
    share = count / threads * (1 - wakeup_cost / steps)
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


def undivided(work: Callable[[], object]) -> None:
    """Call a function whose kernels do not divide their work."""
    before, _state.divides = _state.divides, False
    try:
        work()
    finally:
        _state.divides = before


def run_side_by_side(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call functions, the first on this thread and each of the others on a worker.

    If another thread uses the workers now, this thread calls all functions in turn.

    Returns:
        Their results, in order.

    Raises:
        BaseException: The first exception that one of them raised.
    """
    team = _team(os.getpid())
    if not team.lock.acquire(blocking=False):
        return [work() for work in works]
    try:
        busy = [worker for worker, _ in zip(team.workers, works[1:], strict=False)]
        for worker, work in zip(busy, works[1:], strict=False):
            worker.requests.put(work)
        first, *rest = [_outcome(work) for work in (works[0], *works[1 + len(busy) :])]
        outcomes = [first, *(worker.answers.get() for worker in busy), *rest]
    except BaseException:
        # An answer may arrive later and must not be taken for that to the next request.
        _team.cache_clear()
        raise
    finally:
        team.lock.release()
    for _, error in outcomes:
        if error is not None:
            raise error
    return [result for result, _ in outcomes]


def _outcome(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Return the result of a function and its exception, one of them None."""
    try:
        return work(), None
    except BaseException as error:
        return None, error


class Channel:
    """A queue whose receiver waits in native code before it sleeps.

    A sleeping thread takes tens of microseconds to wake up. The parallel kernels of a step follow
    each other faster than that.
    """

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._count = np.zeros(1, np.int64)
        self._taken = 0

    def put(self, item: Any) -> None:
        """Add an item."""
        self._items.put(item)
        self._count[0] += 1

    def get(self) -> Any:
        """Return the next item, and wait until there is one."""
        await_change(self._count, self._taken, SPINS)
        self._taken += 1
        return self._items.get()


class Worker:
    """A thread that calls the functions that it receives."""

    def __init__(self, number: int) -> None:
        self.requests, self.answers = Channel(), Channel()
        name = f"mt_kernels_cpu_{number}"
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        # The error state belongs to a thread; kernels give no warnings on any of them.
        np.seterr(all="ignore")
        while True:
            self.answers.put(_outcome(self.requests.get()))


class Team:
    """The workers of a process, and the lock of the thread that uses them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.workers = [Worker(number) for number in range(1, settings.NUMBA_NUM_THREADS)]


@functools.lru_cache(maxsize=1)
def _team(process: int) -> Team:
    """Return the workers of a process. A forked child does not have its parent's threads."""
    return Team()
