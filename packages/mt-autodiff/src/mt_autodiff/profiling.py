"""A profiler of operations: calls, time and bytes, forward and backward.

`profile` measures the operations inside its ``with`` block. Outside of it an operation only checks
that no profile is active.
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
    """One measured call.

    Attributes:
        name: The name of the function or of the region.
        phase: "forward" or "backward" for a function, "region" for a block of `record`.
        start: The start, in nanoseconds of `time.perf_counter_ns`.
        duration: The duration in nanoseconds, nested calls included.
        inner: The duration of nested measured calls, in nanoseconds.
        size: The size of the results, in bytes.
        thread: The native id of the calling thread.
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
    """The sums over all calls of one name and phase.

    Attributes:
        name: The name of the function or of the region.
        phase: "forward", "backward" or "region".
        calls: The number of calls.
        seconds: Their duration, without nested measured calls.
        size: The size of their results, in bytes.
    """

    name: str
    phase: Phase
    calls: int = 0
    seconds: float = 0.0
    size: int = 0


@dataclass
class Profile:
    """The measured events, in the order in which they ended."""

    events: list[Event] = field(default_factory=list)
    # For each unfinished call: its start, and the duration of nested calls, both in nanoseconds.
    _open: list[list[int]] = field(default_factory=list, repr=False)

    def begin(self) -> None:
        """Record the start of a call."""
        self._open.append([time.perf_counter_ns(), 0])

    def end(self, name: str, phase: Phase, results: Any = None, size: int = 0) -> None:
        """Record the end of the call that began last.

        Args:
            name: The name of the function or region.
            phase: The kind of call.
            results: The results, whose size is counted: `TensorData`, or nested lists of them.
            size: Further bytes, such as those that were sent.
        """
        start, inner = self._open.pop()
        duration = time.perf_counter_ns() - start
        if self._open:
            self._open[-1][1] += duration
        thread = threading.get_native_id()
        size += _bytes(results)
        self.events.append(Event(name, phase, start, duration, inner, size, thread))

    def measure(self, name: str, phase: Phase, call: Callable[..., Any], *args: Any) -> Any:
        """Call a function, record its duration, and return its result."""
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
        """Write the events for a trace viewer: Perfetto, speedscope, or Chrome's.

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


_active: ContextVar[Profile | None] = ContextVar("mt_autodiff_profile", default=None)

active_profile = _active.get
"""A function that returns the active profile of the thread or task; None outside of `profile`."""

open_profiles: dict[int, Profile] = {}
"""The active profiles of all threads and tasks, by identity. If there is none, an operation need
not call `active_profile`, which takes longer than this test."""


@contextmanager
def profile(
    trace: str | os.PathLike[str] | None = None, file: TextIO | None = None, show: bool = True
) -> Iterator[Profile]:
    """Measure every operation of the ``with`` block, and print a table.

    Only operations of the calling thread are measured. The time of an operation includes Python
    and its kernel; the first call of an operation may include compilation.

    Args:
        trace: A file for `Profile.save_trace`; by default no trace is written.
        file: The stream for the table, by default standard output.
        show: False suppresses the table.

    Yields:
        The profile.

    >>> from mt_autodiff import tensor
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> with profile(show=False) as result:
    ...     (x * x).sum().backward()
    >>> [(event.name, event.phase) for event in result.events]
    [('Mul', 'forward'), ('Sum', 'forward'), ('Sum', 'backward'), ('Mul', 'backward')]
    """
    result = Profile()
    token = _active.set(result)
    open_profiles[id(result)] = result
    try:
        yield result
    finally:
        del open_profiles[id(result)]
        _active.reset(token)
        if trace is not None:
            result.save_trace(trace)
        if show:
            print(result.table(), file=file)


@contextmanager
def record(name: str, size: int = 0) -> Iterator[None]:
    """Measure the ``with`` block as a region in profiles, such as the step of an optimiser.

    Args:
        name: The name of the region.
        size: The bytes that the region sends or writes, for the column of results.
    """
    active = active_profile()
    if active is None:
        yield
        return
    active.begin()
    try:
        yield
    finally:
        active.end(name, "region", size=size)


def _bytes(results: Any) -> int:
    """Return the size of results in bytes; each storage counts once."""
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
    """Return a duration with a suitable unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e6:.1f} µs"


def _size(size: float) -> str:
    """Return a number of bytes with a suitable unit."""
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
