"""The printed output of a worker: read continuously and counted; only the end is stored."""

import os
import select
import threading
from collections import deque

TAIL_SIZE = 16_384
"""Bytes at the end of the output that are stored."""

AT_ONCE = 1 << 20
"""Bytes that are read while the lock is held: the largest capacity of a pipe."""


class Output:
    """Reader of a pipe in a separate thread, so that printing never blocks the worker."""

    def __init__(self, descriptor: int) -> None:
        self.count = 0
        self._descriptor = descriptor
        self._open = True
        self._pieces: deque[bytes] = deque()
        self._kept = 0
        self._lock = threading.Lock()
        os.set_blocking(descriptor, False)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def tail(self) -> str:
        """Return the end of the output so far.

        The thread may lag behind, so this reads the bytes that are in the pipe.
        """
        with self._lock:
            self._take()
            text = b"".join(self._pieces)[-TAIL_SIZE:]
        return text.decode("utf-8", "replace")

    def finish(self, seconds: float = 1.0) -> None:
        """Read the rest of the output after the worker has ended."""
        self._thread.join(seconds)

    def _read(self) -> None:
        printed = select.poll()
        printed.register(self._descriptor, select.POLLIN)
        while self._open:
            printed.poll()
            with self._lock:
                self._take()
        with self._lock:
            os.close(self._descriptor)

    def _take(self) -> None:
        """Read the bytes in the pipe; the caller holds the lock."""
        taken = 0
        while self._open and taken < AT_ONCE:
            try:
                piece = os.read(self._descriptor, 65536)
            except BlockingIOError:
                return
            self._open = bool(piece)
            taken += len(piece)
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        self.count += len(piece)
        self._pieces.append(piece)
        self._kept += len(piece)
        while self._kept - len(self._pieces[0]) >= TAIL_SIZE:
            self._kept -= len(self._pieces.popleft())
