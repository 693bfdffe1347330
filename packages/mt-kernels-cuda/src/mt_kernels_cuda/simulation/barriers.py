"""Detection of barriers that only some threads of a block reach.

At a barrier every thread waits until all threads of the block that have not ended have reached it
(CUDA C++ Programming Guide, "Synchronization Functions", from compute capability 7.0 on). If some
threads of a block wait at one barrier and some at another, the behaviour is undefined.
"""

from collections.abc import Sequence
from pathlib import Path

from .blocks import SimulatedThread
from .observing import Barrier, Launch, Point, short

MAX_NAMES = 3
"""Largest number of threads at one barrier that a message names."""


class BarrierError(RuntimeError):
    """Threads of a block wait for each other at different barriers.

    Attributes:
        kernel: The name of the kernel.
        block: The index of the block.
        threads: The indices of the threads at each barrier.
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
    """Check that all threads of a block that have not ended wait at the same barrier.

    A barrier in a device function is another barrier for each call of the function.

    Raises:
        BarrierError: Threads wait at different barriers.
    """
    waiting: dict[Barrier, list[Point]] = {}
    for thread in sorted(block, key=lambda thread: thread.thread_id):
        if thread.barrier is not None:
            waiting.setdefault(thread.barrier, []).append(thread.thread)
    if len(waiting) < 2:
        return
    index = block[0].block
    waits = [f"{_names(each, launch)} {_wait(at, each)}" for at, each in waiting.items()]
    raise BarrierError(
        f"{launch.kernel}: the threads of block {short(index, launch.blocks)} wait at "
        f"different barriers; {', '.join(waits[:-1])} and {waits[-1]}",
        launch.kernel,
        index,
        waiting,
    )


def _names(threads: list[Point], launch: Launch) -> str:
    """Return "thread 1", "threads 0 and 1", or some threads and the number of further ones."""
    names = [short(thread, launch.threads) for thread in threads[:MAX_NAMES]]
    if len(threads) > MAX_NAMES:
        names.append(f"{len(threads) - MAX_NAMES} more")
    if len(names) == 1:
        return f"thread {names[0]}"
    return f"threads {', '.join(names[:-1])} and {names[-1]}"


def _wait(barrier: Barrier, threads: list[Point]) -> str:
    verb = "waits" if len(threads) == 1 else "wait"
    return f"{verb} in line {barrier.line} of {Path(barrier.file).name}"
