"""A byte that shows the judge whether the worker compiles or imports, in a file of both.

The judge allows a call more time while it compiles. A submission can forge the byte, so the judge
limits that time. Imports have no effect on limits; the report shows their time.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

COMPILING, IMPORTING, NEITHER = b"1", b"2", b"0"

KINDS = ("numba:compile", "numba:compiler_lock")
"""Events of numba's compiler, for processors and for GPUs."""


class CompilerListener:
    """A listener of numba's events that writes the byte.

    Args:
        descriptor: The file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._open = 0
        self._imports = False
        self._lock = threading.Lock()

    def register(self) -> None:
        """Subscribe to the events of the imported numba."""
        from numba.core import event

        numba_events: Any = event
        numba_events.Listener.register(CompilerListener)
        for kind in KINDS:
            numba_events.register(kind, self)

    def notify(self, event: Any) -> None:
        """Handle the start or the end of a compilation; compilations may be nested."""
        with self._lock:
            self._open += 1 if event.is_start else -1
            self._write()

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Report imports during a block."""
        self._set_importing(True)
        try:
            yield
        finally:
            self._set_importing(False)

    def _set_importing(self, imports: bool) -> None:
        with self._lock:
            self._imports = imports
            self._write()

    def _write(self) -> None:
        byte = COMPILING if self._open else IMPORTING if self._imports else NEITHER
        os.pwrite(self._descriptor, byte, 0)
