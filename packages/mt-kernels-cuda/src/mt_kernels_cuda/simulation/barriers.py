"""Finds barriers that only some threads of a block come to.

A barrier holds every thread until all threads that have not ended are there (CUDA C++ Programming
Guide, "Synchronization Functions", from compute capability 7.0 on). If some threads of a block wait
at one barrier and some at another, the behaviour is undefined.
"""

from collections.abc import Sequence
from pathlib import Path

from .blocks import SimulatedThread
from .observing import Barrier, Launch, Point, short

NAMED = 3
"""The most threads at one barrier that a message names."""


class BarrierError(RuntimeError):
    """Threads of a block wait for each other at different barriers.

    Attributes:
        kernel: The name of the kernel.
        block: The block.
        threads: The threads at each barrier.
    """

    names_its_threads = True

    def __init__(
        self, message: str, kernel: str, block: Point, threads: dict[Barrier, list[Point]]
    ) -> None:
        super().__init__(message)
        self.kernel = kernel
        self.block = block
        self.threads = threads


def check_barriers(launch: Launch, block: Sequence[SimulatedThread]) -> None:
    """Raise BarrierError unless all threads of a block that have not ended wait at one barrier.

    A device function that is called in two places has two barriers of one line.
    """
    waiting: dict[Barrier, list[Point]] = {}
    for thread in sorted(block, key=lambda thread: thread.thread_id):
        if thread.barrier is not None:
            waiting.setdefault(thread.barrier, []).append(thread.thread)
    if len(waiting) < 2:
        return
    index = block[0].block
    deeds = [f"{_named(each, launch)} {_deed(place, each)}" for place, each in waiting.items()]
    raise BarrierError(
        f"{launch.kernel}: the threads of block {short(index, launch.blocks)} do not all come to "
        f"the same barrier; {', '.join(deeds[:-1])} and {deeds[-1]}",
        launch.kernel,
        index,
        waiting,
    )


def _named(threads: list[Point], launch: Launch) -> str:
    """Return "thread 1", "threads 0 and 1", or a few of them and how many more there are."""
    names = [short(thread, launch.threads) for thread in threads[:NAMED]]
    if len(threads) > NAMED:
        names.append(f"{len(threads) - NAMED} more")
    if len(names) == 1:
        return f"thread {names[0]}"
    return f"threads {', '.join(names[:-1])} and {names[-1]}"


def _deed(place: Barrier, threads: list[Point]) -> str:
    waits = "waits" if len(threads) == 1 else "wait"
    return f"{waits} in line {place.line} of {Path(place.file).name}"
