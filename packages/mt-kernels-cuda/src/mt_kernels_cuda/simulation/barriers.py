"""Barriers at which not all threads of a block meet.

A barrier holds every thread until all are there that have not ended (CUDA C++ Programming Guide,
"Synchronization Functions"; so it is since compute capability 7.0). If some threads of a block wait
at one barrier and some at another, CUDA does not say what happens.
"""

from collections.abc import Sequence
from pathlib import Path

from .blocks import Turn
from .observing import Barrier, Launch, Point, short

NAMED = 3
"""Threads that are named, at most, of those that are at one place."""


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


def check_barriers(launch: Launch, turns: Sequence[Turn]) -> None:
    """Raise BarrierError unless all threads of a block that have not ended wait at one barrier.

    A device function that is called in two places has two barriers of one line.
    """
    threads: dict[Barrier, list[Point]] = {}
    for turn in sorted(turns, key=lambda turn: turn.thread_id):
        if turn.barrier is not None:
            threads.setdefault(turn.barrier, []).append(turn.thread)
    if len(threads) < 2:
        return
    block = turns[0].block
    deeds = [f"{_named(those, launch)} {_deed(place, those)}" for place, those in threads.items()]
    raise BarrierError(
        f"{launch.kernel}: the threads of block {short(block, launch.blocks)} do not all come to "
        f"the same barrier; {', '.join(deeds[:-1])} and {deeds[-1]}",
        launch.kernel,
        block,
        threads,
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
