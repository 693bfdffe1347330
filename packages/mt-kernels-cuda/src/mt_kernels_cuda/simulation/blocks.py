"""Simulated threads, which run one after the other, each from one barrier to the next.

numba's simulator starts an operating-system thread for each simulated thread and switches between
them at random, while the main thread polls. In a fixed order they run faster, and all runs are
equal: a thread that reads before another one writes finds an unwritten element in every run.

With greenlet installed, a switch takes less than a microsecond. Without it, each simulated thread
is an operating-system thread, and a switch takes about 20 µs.
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
    """Return the class `greenlet.greenlet`; None if greenlet is not installed."""
    try:
        return importlib.import_module("greenlet").greenlet
    except ImportError:
        return None


STACK = 512 * 1024
"""Bytes of the stack of an operating-system thread. A block may have 1024 threads, so that a larger
stack takes much memory; with a smaller one, kernels overflow it."""


class SimulatedThread:
    """One simulated thread of a block.

    Attributes:
        block: The index of its block.
        thread: Its index in the block.
        blockIdx: The index of its block with the attributes x, y, z.
        threadIdx: Its index in the block with the attributes x, y, z.
        thread_id: The linear index of the thread in its block.
        phase: The number of barriers that it has passed.
        barrier: The barrier at which it waits; None without an observer.
        atomic: True during an atomic operation.
        ended: True after the thread has returned from the kernel or failed.
        error: The exception with which it failed, or None.
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
        """Run the thread to the next barrier or to its end."""
        global _current
        _current = self
        self._switch.to()

    def cancel(self) -> None:
        """End the thread at the barrier where it waits."""
        if not self.ended:
            self._switch.end()

    def _run(self) -> None:
        try:
            self._job()
        except BaseException as error:
            self.error = error
        self.ended = True

    def syncthreads(self) -> None:
        """Wait until all other threads have reached a barrier or have ended."""
        observer = current_observer()
        if observer is not None:
            frame = kernel_frame()
            if not observer.waits_at((frame.f_code, frame.f_lasti), frame.f_lineno):
                return
            self.barrier = barrier_here()
        self._switch.back()
        self.barrier = None
        self.phase += 1

    # numba's barriers with a reduction; they call `syncthreads`.
    syncthreads_count = kernel.BlockThread.syncthreads_count
    syncthreads_and = kernel.BlockThread.syncthreads_and
    syncthreads_or = kernel.BlockThread.syncthreads_or


class _Greenlet:
    """A job with its own stack in the same operating-system thread."""

    def __init__(self, job: Callable[[], None]) -> None:
        self._greenlet = greenlets()(job)

    def to(self) -> None:
        self._greenlet.switch()

    def back(self) -> None:
        self._greenlet.parent.switch()

    def end(self) -> None:
        self._greenlet.throw()


class _Thread(threading.Thread):
    """An operating-system thread that runs one job after another and is reused."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._may_run, self._has_paused = threading.Lock(), threading.Lock()
        self._may_run.acquire()
        self._has_paused.acquire()
        self._abort = False
        self.start()

    def assign(self, job: Callable[[], None]) -> None:
        self._job: Callable[[], None] | None = job

    def to(self) -> None:
        self._may_run.release()
        self._has_paused.acquire()

    def back(self) -> None:
        self._has_paused.release()
        self._may_run.acquire()
        if self._abort:
            raise SystemExit

    def end(self) -> None:
        self._abort = True
        self.to()
        self._abort = False

    def run(self) -> None:
        while True:
            self._may_run.acquire()
            if self._job is not None and not self._abort:
                self._job()
            self._job = None
            _idle.append(self)
            self._has_paused.release()


_idle: list[_Thread] = []
os.register_at_fork(after_in_child=_idle.clear)  # A forked process has no such threads.


def _thread(job: Callable[[], None]) -> _Thread:
    """Assign a job to an idle thread and return the thread."""
    if not _idle:
        default = threading.stack_size(STACK)
        try:
            _idle.append(_Thread())
        finally:
            threading.stack_size(default)
    thread = _idle.pop()
    thread.assign(job)
    return thread


_current: SimulatedThread | None = None


class Threading:
    """Replacement of the module `threading` in numba's simulator."""

    @staticmethod
    def current_thread() -> Any:
        """Return the running simulated thread."""
        return _current


def current() -> SimulatedThread:
    """Return the running simulated thread."""
    assert _current is not None, "no kernel is running"
    return _current


def run_block(self: Any, grid_point: Point, *arguments: Any) -> None:
    """Run one block to its end; this replaces ``BlockManager.run`` of numba.

    Raises:
        Exception: The exception of the first thread that failed, with block and thread at the end
            of its message, or an exception of an observer.
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
    """Return an error with the thread in its message; the same error if it has it already."""
    if getattr(error, "names_its_threads", False):
        return error
    location = f"in thread {tuple(thread.threadIdx)} of block {tuple(thread.blockIdx)}"
    try:
        located: BaseException = type(error)(f"{error} ({location})")
    except Exception:  # The class takes other arguments than a message.
        return error
    return located.with_traceback(error.__traceback__)
