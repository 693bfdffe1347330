"""How a worker process learns that it is to stop, and shows that it lives."""

import _thread
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

ALIVE = "alive"
"""A file that a living worker touches again and again."""
PULSE = 0.5
"""Seconds between two touches."""
DEAD_AFTER = 4.0
"""Seconds without a touch after which a worker is taken for dead."""


class Watch:
    """While it is open, the end of standard input sets a mark, and a file shows that we live.

    Between two steps of a training the mark is all that is needed: who asks for it saves and stops.
    Long work that changes nothing, such as judging a network by its validation examples, may be
    interrupted anywhere: `interruptible` says so, and the mark then raises KeyboardInterrupt.
    """

    def __init__(self, folder: Path, stream: BinaryIO | None = None) -> None:
        """Watch for a folder's job.

        Args:
            folder: Where the file goes.
            stream: What ends when the job is to stop; standard input unless given.
        """
        self.folder = folder
        self.stream = sys.stdin.buffer if stream is None else stream
        self._lock = threading.Lock()
        self._received = False
        self._interruptible = False
        self._closed = threading.Event()

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self._received

    @property
    def interruptible(self) -> bool:
        """Whether the main thread may be interrupted here."""
        return self._interruptible

    @interruptible.setter
    def interruptible(self, value: bool) -> None:
        with self._lock:
            self._interruptible = value
            late = value and self._received
        if late:
            raise KeyboardInterrupt

    def __enter__(self) -> "Watch":
        for work in (self._listen, self._live):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        with suppress(OSError):
            (self.folder / ALIVE).unlink()

    def _listen(self) -> None:
        # Nobody writes anything: reading returns when the other end is closed.
        with suppress(OSError, ValueError):
            self.stream.read()
        with self._lock:
            self._received = True
            if self._interruptible:
                self._interruptible = False
                _thread.interrupt_main()

    def _live(self) -> None:
        while not self._closed.is_set():
            with suppress(OSError):
                (self.folder / ALIVE).touch()
            self._closed.wait(PULSE)


def is_alive(folder: Path) -> bool:
    """Return whether a worker is busy in a folder, whoever started it."""
    try:
        touched = (folder / ALIVE).stat().st_mtime
    except OSError:
        return False
    return time.time() - touched < DEAD_AFTER
