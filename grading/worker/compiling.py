"""A byte that shows the judge whether numba compiles now, in a file that both have open.

The judge allows a call more time while it compiles. A submission can forge the byte, so the judge
limits that time.
"""

import os
import threading
from typing import Any

COMPILING, NOT_COMPILING = b"1", b"0"

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
            os.pwrite(self._descriptor, COMPILING if self._open else NOT_COMPILING, 0)
