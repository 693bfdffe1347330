"""Time of the phases of a run: where a run of the grader spends its time.

A phase covers everything in it, except that the checks of a task are divided further: the start of
workers, imports, compilation and the search for inputs to report count separately there. Each
thread has its own open phases, and phases of two threads at the same time count both.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

START, IMPORTS, COMPILATION = "start of workers", "imports", "compilation"
SEARCH, OWN_TESTS, ACCURACY = "search for inputs", "own tests on wrong versions", "accuracy"
REPLAYS, SPEED, CAUSES = "replays", "speed", "search for causes"


def checks_of(task: str) -> str:
    """Return the name of the phase with the checks of a task."""
    return f"checks of {task}"


@dataclass
class _Open:
    """An open phase.

    Attributes:
        name: Its name.
        divided: True if the phases in it count separately.
        began: Time of its start, in seconds.
        inner: Seconds of the phases in it that count separately.
    """

    name: str
    divided: bool
    began: float
    inner: float = 0.0


class Phases:
    """The phases of one run.

    Args:
        clock: Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._threads = threading.local()
        self._seconds: dict[str, float] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds of each phase by its name, the longest first."""
        with self._lock:
            found = dict(self._seconds)
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @contextmanager
    def phase(self, name: str, divided: bool = False) -> Iterator[None]:
        """Count the time of a block for a phase, unless it is in a phase that is not divided."""
        stack = self._open
        if stack and not stack[-1].divided:
            yield
            return
        opened = _Open(name, divided, self._clock())
        stack.append(opened)
        try:
            yield
        finally:
            stack.pop()
            elapsed = self._clock() - opened.began
            self._add(name, elapsed - opened.inner)
            if stack:
                stack[-1].inner += elapsed

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Count nothing in this thread, because another thread waits and counts the time."""
        self._open.append(_Open("", False, self._clock()))
        try:
            yield
        finally:
            self._open.pop()

    def credit(self, name: str, seconds: float) -> None:
        """Count seconds of the open phase for another phase, if the open one is divided."""
        stack = self._open
        if stack and stack[-1].divided and seconds > 0.0:
            self._add(name, seconds)
            stack[-1].inner += seconds

    @property
    def _open(self) -> list[_Open]:
        """The open phases of this thread, the outermost first."""
        if not hasattr(self._threads, "open"):
            self._threads.open = []
        found: list[_Open] = self._threads.open
        return found

    def _add(self, name: str, seconds: float) -> None:
        with self._lock:
            self._seconds[name] = self._seconds.get(name, 0.0) + max(0.0, seconds)


_measured: list[Phases] = [Phases()]
"""The phases of the current run last; those of no run first."""


@contextmanager
def measuring() -> Iterator[Phases]:
    """Measure the phases of a block, in all threads."""
    phases = Phases()
    _measured.append(phases)
    try:
        yield phases
    finally:
        _measured.remove(phases)


def phase(name: str, divided: bool = False) -> AbstractContextManager[None]:
    """Count the time of a block for a phase of the current run."""
    return _measured[-1].phase(name, divided)


def uncounted() -> AbstractContextManager[None]:
    """Count nothing in this thread, because another thread waits and counts the time."""
    return _measured[-1].uncounted()


def credit(name: str, seconds: float) -> None:
    """Count seconds of the open phase of the current run for another phase."""
    _measured[-1].credit(name, seconds)
