"""Where the time goes: calls, time and bytes of every operation, forward and backward.

`profile` watches the operations of the code inside of it. Nothing is measured outside, and then an
operation pays for no more than the question whether somebody watches.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO, TypeAlias

from mt_tensor import TensorData

Phase: TypeAlias = Literal["forward", "backward", "region"]


@dataclass(frozen=True, slots=True)
class Event:
    """One call.

    Attributes:
        name: Of the function, or of the region.
        phase: "forward", "backward", or "region" for what `record` measures.
        start: When it began, in nanoseconds of `time.perf_counter_ns`.
        duration: How long it took, everything that it called included, in nanoseconds.
        inner: How much of that was spent in other calls that were watched.
        size: The bytes of its results.
        thread: The thread that called.
    """

    name: str
    phase: Phase
    start: int
    duration: int
    inner: int
    size: int
    thread: int


@dataclass(slots=True)
class Total:
    """All calls of one name and phase.

    Attributes:
        name: Of the function.
        phase: "forward", "backward" or "region".
        calls: How many there were.
        seconds: How long they took, without other calls that were watched inside of them.
        size: The bytes of their results.
    """

    name: str
    phase: Phase
    calls: int = 0
    seconds: float = 0.0
    size: int = 0


@dataclass
class Profile:
    """What was watched: the events in the order in which they ended."""

    events: list[Event] = field(default_factory=list)
    # For each call that goes on: when it began, and how long the calls inside of it took.
    _open: list[list[int]] = field(default_factory=list, repr=False)

    def begin(self) -> None:
        """Note that a call begins."""
        self._open.append([time.perf_counter_ns(), 0])

    def end(self, name: str, phase: Phase, results: Any = None) -> None:
        """Note that the call which began last has ended.

        Args:
            name: What it was.
            phase: Which kind of call.
            results: What it returned: data, or several of them.
        """
        start, inner = self._open.pop()
        duration = time.perf_counter_ns() - start
        if self._open:
            self._open[-1][1] += duration
        thread = threading.get_native_id()
        self.events.append(Event(name, phase, start, duration, inner, _bytes(results), thread))

    def watch(self, name: str, phase: Phase, call: Callable[..., Any], *args: Any) -> Any:
        """Return what a function returns, and note how long it takes."""
        self.begin()
        result = None
        try:
            result = call(*args)
        finally:
            self.end(name, phase, result)
        return result

    def totals(self) -> list[Total]:
        """Return the sums over all calls of one name and phase, the longest first."""
        sums: dict[tuple[str, Phase], Total] = {}
        for event in self.events:
            key = event.name, event.phase
            total = sums.setdefault(key, Total(event.name, event.phase))
            total.calls += 1
            total.seconds += (event.duration - event.inner) / 1e9
            total.size += event.size
        return sorted(sums.values(), key=lambda total: -total.seconds)

    def table(self) -> str:
        """Return the sums as a table, one line for each name and phase."""
        totals = self.totals()
        whole = sum(total.seconds for total in totals) or 1.0
        width = max([len(total.name) for total in totals] + [len("operation")])
        lines = [
            f"{'operation':{width}}  {'phase':8}  {'calls':>8}  {'time':>10}  {'share':>6}  "
            f"{'each':>10}  {'results':>10}"
        ]
        lines += [
            f"{t.name:{width}}  {t.phase:8}  {t.calls:8}  {_time(t.seconds):>10}  "
            f"{t.seconds / whole:6.1%}  {_time(t.seconds / t.calls):>10}  {_size(t.size):>10}"
            for t in totals
        ]
        return "\n".join(lines)

    def save_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events for a viewer of traces: Perfetto, speedscope, or Chrome's own.

        Args:
            path: A JSON file, in Chrome's "Trace Event Format".
        """
        process = os.getpid()
        first = min((event.start for event in self.events), default=0)
        events = [
            {
                "name": event.name,
                "cat": event.phase,
                "ph": "X",
                "ts": (event.start - first) / 1e3,
                "dur": event.duration / 1e3,
                "pid": process,
                "tid": event.thread,
                "args": {"bytes": event.size},
            }
            for event in sorted(self.events, key=lambda event: event.start)
        ]
        Path(path).write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}))


_watching: ContextVar[Profile | None] = ContextVar("mt_autodiff_profile", default=None)

active_profile = _watching.get
"""Returns the profile that watches the calling thread or task; None outside of `profile`."""


@contextmanager
def profile(
    trace: str | os.PathLike[str] | None = None, file: TextIO | None = None, show: bool = True
) -> Iterator[Profile]:
    """Watch every operation of the code inside, and print what it took.

    Only what the calling thread does is watched. The time of an operation is that of Python and of
    its kernel together; an operation's first call may contain the compiler.

    Args:
        trace: A file for `Profile.save_trace`; none unless given.
        file: Where the table goes; standard output unless given.
        show: Whether it is printed at all.

    Yields:
        The profile, to be looked at during or after.

    >>> from mt_autodiff import tensor
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> with profile(show=False) as watched:
    ...     (x * x).sum().backward()
    >>> [(event.name, event.phase) for event in watched.events]
    [('Mul', 'forward'), ('Sum', 'forward'), ('Sum', 'backward'), ('Mul', 'backward')]
    """
    watched = Profile()
    token = _watching.set(watched)
    try:
        yield watched
    finally:
        _watching.reset(token)
        if trace is not None:
            watched.save_trace(trace)
        if show:
            print(watched.table(), file=file)


@contextmanager
def record(name: str) -> Iterator[None]:
    """Let profiles show the code inside as a region of its own, such as the step of an optimiser.

    Args:
        name: What it is called there.
    """
    watched = active_profile()
    if watched is None:
        yield
        return
    watched.begin()
    try:
        yield
    finally:
        watched.end(name, "region")


def _bytes(results: Any) -> int:
    """Return how much memory results reach."""
    found: dict[int, int] = {}

    def visit(result: Any) -> None:
        if isinstance(result, TensorData):
            found[id(result.storage)] = result.size * int(result.storage.dtype.itemsize)
        elif isinstance(result, list | tuple):
            for each in result:
                visit(each)

    visit(results)
    return sum(found.values())


def _time(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e6:.1f} µs"


def _size(size: float) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
