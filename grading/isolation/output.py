"""What a worker prints: read all the time, counted, and forgotten but for the end."""

import os
import threading
from collections import deque

KEPT = 16_384


class Output:
    """Reads a pipe in a thread of its own, so that printing never blocks the worker."""

    def __init__(self, descriptor: int) -> None:
        self.count = 0
        self._descriptor = descriptor
        self._pieces: deque[bytes] = deque()
        self._kept = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def tail(self) -> str:
        """Return the end of what was printed."""
        with self._lock:
            text = b"".join(self._pieces)[-KEPT:]
        return text.decode("utf-8", "replace")

    def finish(self, seconds: float = 1.0) -> None:
        """Read what is left once the worker has ended."""
        self._thread.join(seconds)

    def _read(self) -> None:
        with os.fdopen(self._descriptor, "rb", buffering=0) as pipe:
            while piece := pipe.read(65536):
                with self._lock:
                    self.count += len(piece)
                    self._pieces.append(piece)
                    self._kept += len(piece)
                    while self._kept - len(self._pieces[0]) >= KEPT:
                        self._kept -= len(self._pieces.popleft())
