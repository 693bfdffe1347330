"""Stop requests and liveness of a worker process."""

import _thread
import threading
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

ALIVE = "alive"
"""The name of the file that a running worker touches periodically."""
PULSE = 0.5
"""The time between two touches, in seconds."""
DEAD_AFTER = 4.0
"""The time without a touch after which a worker counts as dead, in seconds. With a value near
`PULSE` a busy machine makes running workers look dead."""


class Watch:
    """A context manager in which the end of standard input sets a stop flag, and a file is touched.

    Between two steps of training, the loop reads the flag, saves and stops. Long work without side
    effects, such as the evaluation on validation examples, can be interrupted anywhere: while
    `interruptible` is True, the end of standard input raises KeyboardInterrupt.
    """

    def __init__(self, folder: Path, stream: BinaryIO | FileIO | None = None) -> None:
        """Watch for a folder's job.

        Args:
            folder: The folder of the file.
            stream: The stream whose end requests a stop, by default standard input.
        """
        self.folder = folder
        # Without a buffer: the interpreter cannot end while a thread has the lock of a buffer.
        self.stream = open(0, "rb", buffering=0, closefd=False) if stream is None else stream  # noqa: SIM115
        self._lock = threading.Lock()
        self._received = False
        self._interruptible = False
        self._closed = threading.Event()

    def __call__(self) -> bool:
        """Return whether a stop was requested."""
        return self._received

    @property
    def interruptible(self) -> bool:
        """True if the main thread may be interrupted."""
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
        # No data is written: read returns when the other end is closed.
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
    """Return whether a worker of this or another app runs in a folder."""
    try:
        touched = (folder / ALIVE).stat().st_mtime
    except OSError:
        return False
    return time.time() - touched < DEAD_AFTER
