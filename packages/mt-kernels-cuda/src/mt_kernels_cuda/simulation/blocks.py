"""The threads of a block take turns, each from one barrier to the next.

In numba's simulator they run as the interpreter pleases, while the main thread polls them. One
after the other is faster, and it is the same every time: a thread that reads too early finds what
nobody has written yet, not now and then, but always.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.cuda.simulator import kernel, kernelapi

from .observing import Point, kernel_frame, observer


class TurnThread(threading.Thread):
    """Runs as one thread of a block after another, whenever it is its turn.

    Starting a thread of Python takes much longer than handing the turn on, so it stays for the
    blocks to come.

    Attributes:
        threadIdx: Which thread of the block it is at present.
        blockIdx: Which block that is.
        thread_id: The number of the thread in its block.
        phase: How many barriers it has passed.
        atomic: Whether it is in the middle of an atomic operation.
        begun: Whether it has had a turn.
        ended: Whether it has returned from the kernel, or failed.
        error: What it failed with.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._mine, self._back = threading.Lock(), threading.Lock()
        self._mine.acquire()
        self._back.acquire()
        self.ended = True
        self.start()

    def begin(self, job: Callable[[], None], manager: Any, block: Point, thread: Point) -> None:
        """Become a thread of a block, about to run its kernel."""
        self.threadIdx, self.blockIdx = kernelapi.Dim3(*thread), kernelapi.Dim3(*block)
        size = kernelapi.Dim3(*manager._block_dim)
        self.thread_id = thread[0] + size.x * (thread[1] + size.y * thread[2])
        self.phase = 0
        self.atomic = self.abort = self.begun = self.ended = False
        self.error: BaseException | None = None
        self._job, self._manager = job, manager

    def take_turn(self) -> None:
        """Run up to the next barrier, or to the end."""
        self.begun = True
        self._mine.release()
        self._back.acquire()

    def run(self) -> None:
        """Run one kernel after another; called by Python in the thread itself."""
        while True:
            self._mine.acquire()
            try:
                self._job()
            except BaseException as error:
                self.error = error
            self.ended = True
            self._back.release()

    def syncthreads(self) -> None:
        """Let the others have their turn."""
        told = observer()
        if told is not None:
            frame = kernel_frame()
            if not told.waits((frame.f_code, frame.f_lasti), frame.f_lineno):
                return
        self._back.release()
        self._mine.acquire()
        if self.abort:
            raise SystemExit
        self.phase += 1

    # Barriers that count; numba's are made of the one above.
    syncthreads_count = kernel.BlockThread.syncthreads_count
    syncthreads_and = kernel.BlockThread.syncthreads_and
    syncthreads_or = kernel.BlockThread.syncthreads_or


STACK = 512 * 1024
"""Bytes of a thread's stack, enough for kernels. A block may have a thousand threads."""

_idle: list[TurnThread] = []
os.register_at_fork(after_in_child=_idle.clear)  # A child of this process has no threads.


def run_block(self: Any, grid_point: Point, *arguments: Any) -> None:
    """Run one block to its end, in place of ``BlockManager.run``.

    Raises:
        Exception: What the first thread that failed has raised, with block and thread at the end
            of its message.
    """
    points = [(x, y, z) for x, y, z in np.ndindex(*self._block_dim)]
    threads = _threads(len(points))
    for thread, point in zip(threads, points, strict=True):
        thread.begin(lambda: self._f(*arguments), self, grid_point, point)
    running = threads
    while running:
        for thread in running:
            thread.take_turn()
            if thread.error is not None:
                _stop([other for other in running if other.begun and not other.ended])
                raise _located(thread.error, thread)
        running = [thread for thread in running if not thread.ended]


def _threads(count: int) -> list[TurnThread]:
    """Return threads that have nothing to do."""
    if len(_idle) < count:
        usual = threading.stack_size(STACK)
        try:
            while len(_idle) < count:
                _idle.append(TurnThread())
        finally:
            threading.stack_size(usual)
    return _idle[:count]


def _stop(waiting: list[TurnThread]) -> None:
    for thread in waiting:
        thread.abort = True
        thread.take_turn()


def _located(error: BaseException, thread: TurnThread) -> BaseException:
    """Return an error that says which thread it came from; as it is, if it says so already."""
    if getattr(error, "names_its_threads", False):
        return error
    where = f"in thread {tuple(thread.threadIdx)} of block {tuple(thread.blockIdx)}"
    try:
        located: BaseException = type(error)(f"{error} ({where})")
    except Exception:  # Some exceptions are made of something else than a message.
        return error
    return located.with_traceback(error.__traceback__)
