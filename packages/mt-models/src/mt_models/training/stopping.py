"""Stopping on Ctrl-C between two steps rather than in the middle of one."""

import signal
import sys
from types import FrameType, TracebackType
from typing import Any


class StopOnSignal:
    """While it is open, Ctrl-C and a polite kill only set a mark; a second one takes effect.

    Between two steps the weights, the generators and the counts belong together, so that the run
    can be saved and resumed exactly. Only the main thread can catch signals: elsewhere nothing is
    caught.

    >>> with StopOnSignal() as stop:
    ...     stop()
    False
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.received = False
        self._previous: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Return whether a signal came."""
        return self.received

    def __enter__(self) -> "StopOnSignal":
        try:
            for number in self.SIGNALS:
                self._previous[number] = signal.signal(number, self._receive)
        except ValueError:
            # Not the main thread.
            self._previous.clear()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True
        self._restore()
        print("\nStopping after this step; once more stops at once.", file=sys.stderr)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
