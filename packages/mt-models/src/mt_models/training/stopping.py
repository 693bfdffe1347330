"""Stopping on Ctrl-C between two steps."""

import signal
import sys
from types import FrameType, TracebackType
from typing import Any


class StopOnSignal:
    """A context manager in which the first signal only sets a flag; a second one acts.

    The signals are SIGINT, SIGTERM, and SIGHUP, which a closed terminal sends. Between two steps
    the weights, the generators and the counts are consistent, so that the run can be saved and
    resumed exactly. A signal that the process ignores, such as SIGHUP after ``nohup``, stays
    ignored. Only the main thread can catch signals: in other threads the context manager does
    nothing.

    Attributes:
        received: The first signal; None before it.
        is_quiet: True prints nothing when a signal comes.

    >>> with StopOnSignal() as stop:
    ...     stop()
    False
    """

    SIGNALS = tuple(
        getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
    )

    def __init__(self, is_quiet: bool = False) -> None:
        self.is_quiet = is_quiet
        self.received: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Return whether a signal was received."""
        return self.received is not None

    def __enter__(self) -> "StopOnSignal":
        try:
            for number in self.SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
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
        self.received = signal.Signals(number)
        self._restore()
        again = "; press Ctrl-C again to stop at once" if number == signal.SIGINT else ""
        if not self.is_quiet:
            print(f"\nStopping after this step{again}.", file=sys.stderr)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
