"""Runs the threads of a block one after the other, each from one barrier to the next.

numba's simulator starts a thread of the system for each and switches between them at random, while
the main thread polls. In a fixed order they run faster, and every run is the same: a thread that
reads too early finds an unwritten element in every run, not only in some.

With greenlet installed, a switch takes less than a microsecond. Without it, each thread of a block
is a thread of the system, and a switch takes about twenty.
"""

import functools
import importlib
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.cuda.simulator import kernel, kernelapi

from .observing import Barrier, Point, barrier_here, current_observer, kernel_frame


@functools.cache
def greenlets() -> Any:
    """Return the class of greenlets; None if greenlet is not installed."""
    try:
        return importlib.import_module("greenlet").greenlet
    except ImportError:
        return None


STACK = 512 * 1024
"""Bytes of a thread's stack, enough for kernels; a block may have a thousand threads."""


class SimulatedThread:
    """One thread of a block.

    Attributes:
        block: The index of its block.
        thread: Its index in the block.
        blockIdx: The index of its block, as kernels read it.
        threadIdx: Its index in the block, as kernels read it.
        thread_id: The number of the thread in its block.
        phase: The number of barriers that it has passed.
        barrier: The barrier where it waits, if there is an observer.
        atomic: True during an atomic operation.
        ended: True after it has returned from the kernel, or failed.
        error: The exception with which it failed.
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

    def resume(self) -> None:
        """Run to the next barrier, or to the end."""
        global _current
        _current = self
        self._switch.to()

    def cancel(self) -> None:
        """End the thread where it waits."""
        if not self.ended:
            self._switch.end()

    def _run(self) -> None:
        try:
            self._job()
        except BaseException as error:
            self.error = error
        self.ended = True

    def syncthreads(self) -> None:
        """Wait until all other threads have come to a barrier."""
        observer = current_observer()
        if observer is not None:
            frame = kernel_frame()
            if not observer.waits_at((frame.f_code, frame.f_lasti), frame.f_lineno):
                return
            self.barrier = barrier_here()
        self._switch.back()
        self.barrier = None
        self.phase += 1

    # Barriers that count; numba's call the one above.
    syncthreads_count = kernel.BlockThread.syncthreads_count
    syncthreads_and = kernel.BlockThread.syncthreads_and
    syncthreads_or = kernel.BlockThread.syncthreads_or


class _Greenlet:
    """A job that is switched to and back, in the same thread of the system."""

    def __init__(self, job: Callable[[], None]) -> None:
        self._there = greenlets()(job)

    def to(self) -> None:
        self._there.switch()

    def back(self) -> None:
        self._there.parent.switch()

    def end(self) -> None:
        self._there.throw()


class _Thread(threading.Thread):
    """A thread of the system that is switched to and back, and reused for other jobs."""

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
    """Return an idle thread with a new job."""
    if not _idle:
        usual = threading.stack_size(STACK)
        try:
            _idle.append(_Thread())
        finally:
            threading.stack_size(usual)
    thread = _idle.pop()
    thread.begin(job)
    return thread


_current: SimulatedThread | None = None


class Threading:
    """Replaces `threading` where numba's simulator asks for the current thread."""

    @staticmethod
    def current_thread() -> Any:
        """Return the simulated thread that runs."""
        return _current


def current() -> SimulatedThread:
    """Return the simulated thread that runs."""
    assert _current is not None, "no kernel is running"
    return _current


def run_block(self: Any, grid_point: Point, *arguments: Any) -> None:
    """Run one block to its end, in place of ``BlockManager.run``.

    Raises:
        Exception: The exception of the first thread that failed, with block and thread at the end
            of its message; or that of an observer.
    """
    threads = [
        SimulatedThread(lambda: self._f(*arguments), self, grid_point, (x, y, z))
        for x, y, z in np.ndindex(*self._block_dim)
    ]
    running = threads
    try:
        while running:
            for thread in running:
                thread.resume()
                if thread.error is not None:
                    raise _located(thread.error, thread)
            observer = current_observer()
            if observer is not None:
                observer.on_barrier(threads)
            running = [thread for thread in running if not thread.ended]
    except BaseException:
        for thread in running:
            thread.cancel()
        raise


def _located(error: BaseException, thread: SimulatedThread) -> BaseException:
    """Return an error whose message names its thread; the same error if it does so already."""
    if getattr(error, "names_its_threads", False):
        return error
    where = f"in thread {tuple(thread.threadIdx)} of block {tuple(thread.blockIdx)}"
    try:
        located: BaseException = type(error)(f"{error} ({where})")
    except Exception:  # Some exceptions take other arguments than a message.
        return error
    return located.with_traceback(error.__traceback__)
