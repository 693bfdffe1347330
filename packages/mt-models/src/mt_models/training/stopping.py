"""Stopping on Ctrl-C between two steps."""

import signal
import sys
from types import FrameType, TracebackType
from typing import Any


class StopOnSignal:
    """A context manager in which the first SIGINT or SIGTERM only sets a flag; a second one acts.

    Between two steps the weights, the generators and the counts are consistent, so that the run can
    be saved and resumed exactly. Only the main thread can catch signals: in other threads the
    context manager does nothing.

    >>> with StopOnSignal() as stop:
    ...     stop()
    False
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.received = False
        self._previous: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Return whether a signal was received."""
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
        print("\nStopping after this step; press Ctrl-C again to stop at once.", file=sys.stderr)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
