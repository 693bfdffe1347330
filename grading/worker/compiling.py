"""A byte that tells the judge whether numba compiles now, in a file that both have open.

The judge gives a call more time while it compiles. A submission can forge the byte; the judge
believes it for a limited time only.
"""

import os
import threading
from typing import Any

COMPILING, NOT_COMPILING = b"1", b"0"

KINDS = ("numba:compile", "numba:compiler_lock")
"""Events of numba that say when its compiler runs, for processors and for GPUs."""


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
        """Listen from now on, to the numba that has been imported."""
        from numba.core import event

        numba_events: Any = event
        numba_events.Listener.register(CompilerListener)
        for kind in KINDS:
            numba_events.register(kind, self)

    def notify(self, event: Any) -> None:
        """Take note of an event: compilation begins or ends, perhaps inside of another one."""
        with self._lock:
            self._open += 1 if event.is_start else -1
            os.pwrite(self._descriptor, COMPILING if self._open else NOT_COMPILING, 0)
