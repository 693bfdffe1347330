"""The file and the calls in which the worker is, for the judge, in the file of both.

Behind the byte of `grading.worker.compiling`, the file contains the path of the module whose import
is running. Behind it, Python's faulthandler writes the calls of the main thread: at a signal of the
judge, and before `os._exit`, which otherwise ends the process without a trace.
"""

import faulthandler
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

PATH_START, CALLS_START = 1, 4096
"""Position of the path, which zero bytes fill up, and of the calls, in bytes."""

SIGNAL = signal.SIGUSR1
"""The signal at which the worker writes its calls."""


class LastCalls:
    """Writer of the path and the calls.

    Args:
        descriptor: The file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._path = b""

    def register(self) -> None:
        """Write the calls at the signal, and before `os._exit`."""
        os.lseek(self._descriptor, CALLS_START, os.SEEK_SET)
        faulthandler.register(SIGNAL, self._descriptor, all_threads=False)
        worker, end = os.getpid(), os._exit

        def end_after_writing(status: int) -> NoReturn:
            # The end of a process that the submission has started says nothing about this one.
            if os.getpid() == worker:
                faulthandler.dump_traceback(self._descriptor, all_threads=False)
            end(status)

        os._exit = end_after_writing

    @contextmanager
    def importing(self, path: str) -> Iterator[None]:
        """Write the path of a module during its import; imports may be nested."""
        outer = self._path
        self._write(os.fsencode(path))
        try:
            yield
        finally:
            self._write(outer)

    def _write(self, path: bytes) -> None:
        self._path = path[: CALLS_START - PATH_START]
        os.pwrite(self._descriptor, self._path.ljust(CALLS_START - PATH_START, b"\0"), PATH_START)
