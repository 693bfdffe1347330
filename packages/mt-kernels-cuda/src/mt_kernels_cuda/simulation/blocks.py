"""The threads of a block take turns, each from one barrier to the next.

In numba's simulator they run as the interpreter pleases, while the main thread polls them. One
after the other is faster, and it is the same every time: a thread that reads too early finds what
nobody has written yet, not now and then, but always.

With greenlet installed, handing the turn on takes less than a microsecond. Without it, each thread
of a block is one of the system, and it takes some twenty.
"""

import functools
import importlib
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.cuda.simulator import kernel, kernelapi

from .observing import Barrier, Point, barrier_here, kernel_frame, observer


@functools.cache
def greenlets() -> Any:
    """Return what makes greenlets; None if it is not installed."""
    try:
        return importlib.import_module("greenlet").greenlet
    except ImportError:
        return None


STACK = 512 * 1024
"""Bytes of a thread's stack, enough for kernels. A block may have a thousand threads."""


class Turn:
    """One thread of a block.

    Attributes:
        block: Which block it belongs to.
        thread: Which thread of the block it is.
        blockIdx: The block, as kernels see it.
        threadIdx: The thread, as kernels see it.
        thread_id: The number of the thread in its block.
        phase: How many barriers it has passed.
        barrier: Where it waits, if there is an observer.
        atomic: Whether it is in the middle of an atomic operation.
        ended: Whether it has returned from the kernel, or failed.
        error: What it failed with.
    """

    def __init__(self, job: Callable[[], None], manager: Any, block: Point, thread: Point) -> None:
        self.threadIdx, self.blockIdx = kernelapi.Dim3(*thread), kernelapi.Dim3(*block)
        size = kernelapi.Dim3(*manager._block_dim)
        self.thread_id = thread[0] + size.x * (thread[1] + size.y * thread[2])
        self.block, self.thread = block, thread
        self.phase = 0
        self.barrier: Barrier | None = None
        self.atomic = self.ended = False
        self.error: BaseException | None = None
        self._job, self._manager = job, manager
        self._switch = _Greenlet(self._run) if greenlets() else _thread(self._run)

    def take(self) -> None:
        """Run up to the next barrier, or to the end."""
        global _current
        _current = self
        self._switch.to()

    def give_up(self) -> None:
        """End where it waits."""
        if not self.ended:
            self._switch.end()

    def _run(self) -> None:
        try:
            self._job()
        except BaseException as error:
            self.error = error
        self.ended = True

    def syncthreads(self) -> None:
        """Let the others have their turn."""
        told = observer()
        if told is not None:
            frame = kernel_frame()
            if not told.waits((frame.f_code, frame.f_lasti), frame.f_lineno):
                return
            self.barrier = barrier_here()
        self._switch.back()
        self.barrier = None
        self.phase += 1

    # Barriers that count; numba's are made of the one above.
    syncthreads_count = kernel.BlockThread.syncthreads_count
    syncthreads_and = kernel.BlockThread.syncthreads_and
    syncthreads_or = kernel.BlockThread.syncthreads_or


class _Greenlet:
    """Switches to a job and back, all in one thread of the system."""

    def __init__(self, job: Callable[[], None]) -> None:
        self._there = greenlets()(job)

    def to(self) -> None:
        self._there.switch()

    def back(self) -> None:
        self._there.parent.switch()

    def end(self) -> None:
        self._there.throw()


class _Thread(threading.Thread):
    """Switches to a job in a thread and back; the thread stays for other jobs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._mine, self._back = threading.Lock(), threading.Lock()
        self._mine.acquire()
        self._back.acquire()
        self._abort = False
        self.start()

    def begin(self, job: Callable[[], None]) -> None:
        self._job: Callable[[], None] | None = job

    def to(self) -> None:
        self._mine.release()
        self._back.acquire()

    def back(self) -> None:
        self._back.release()
        self._mine.acquire()
        if self._abort:
            raise SystemExit

    def end(self) -> None:
        self._abort = True
        self.to()
        self._abort = False

    def run(self) -> None:
        while True:
            self._mine.acquire()
            if self._job is not None and not self._abort:
                self._job()
            self._job = None
            _idle.append(self)
            self._back.release()


_idle: list[_Thread] = []
os.register_at_fork(after_in_child=_idle.clear)  # A child of this process has no threads.


def _thread(job: Callable[[], None]) -> _Thread:
    """Return a thread that has nothing else to do."""
    if not _idle:
        usual = threading.stack_size(STACK)
        try:
            _idle.append(_Thread())
        finally:
            threading.stack_size(usual)
    thread = _idle.pop()
    thread.begin(job)
    return thread


_current: Turn | None = None


class Threading:
    """Stands in for `threading` where numba's simulator asks which thread is running."""

    @staticmethod
    def current_thread() -> Any:
        """Return the thread of the block whose turn it is."""
        return _current


def current() -> Turn:
    """Return the thread of the block whose turn it is."""
    assert _current is not None, "no kernel is running"
    return _current


def run_block(self: Any, grid_point: Point, *arguments: Any) -> None:
    """Run one block to its end, in place of ``BlockManager.run``.

    Raises:
        Exception: What the first thread that failed has raised, with block and thread at the end
            of its message; or what an observer has.
    """
    turns = [
        Turn(lambda: self._f(*arguments), self, grid_point, (x, y, z))
        for x, y, z in np.ndindex(*self._block_dim)
    ]
    running = turns
    try:
        while running:
            for turn in running:
                turn.take()
                if turn.error is not None:
                    raise _located(turn.error, turn)
            told = observer()
            if told is not None:
                told.meets(turns)
            running = [turn for turn in running if not turn.ended]
    except BaseException:
        for turn in running:
            turn.give_up()
        raise


def _located(error: BaseException, turn: Turn) -> BaseException:
    """Return an error that says which thread it came from; as it is, if it says so already."""
    if getattr(error, "names_its_threads", False):
        return error
    where = f"in thread {tuple(turn.threadIdx)} of block {tuple(turn.blockIdx)}"
    try:
        located: BaseException = type(error)(f"{error} ({where})")
    except Exception:  # Some exceptions are made of something else than a message.
        return error
    return located.with_traceback(error.__traceback__)
