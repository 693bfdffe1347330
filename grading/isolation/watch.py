"""What a worker uses, as seen from outside."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading.isolation.errors import LostError
from grading.isolation.limits import MIB, Limits
from grading.isolation.output import Output

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")

TELLS = (PROC / "self" / "stat").exists() and bool([*PROC.glob("self/task/*/children")])
"""Whether the system tells what processes there are and how long they ran."""


@dataclass(frozen=True)
class CpuTime:
    """The processor time of threads.

    Attributes:
        run: Seconds in which they ran, all together.
        wait: Seconds in which they could have run and others did. A thread that sleeps does not
            wait.
    """

    run: float = 0.0
    wait: float = 0.0

    def __add__(self, other: "CpuTime") -> "CpuTime":
        return CpuTime(self.run + other.run, self.wait + other.wait)

    def __sub__(self, other: "CpuTime") -> "CpuTime":
        return CpuTime(self.run - other.run, self.wait - other.wait)


class Watch:
    """Looks at a worker and all processes below it.

    Args:
        pid: The process that was started.
        limits: What they may use together.
        output: What they print.
        scratch: Where they write, if nothing else limits how much.
    """

    def __init__(self, pid: int, limits: Limits, output: Output, scratch: Path | None) -> None:
        self._pid = pid
        self.limits = limits
        self._output = output
        self._scratch = scratch
        self._size_at_first = size_of(scratch) if scratch else 0

    def look(self) -> None:
        """Look once.

        Raises:
            LostError: A limit is passed.
        """
        limits = self.limits
        if self._output.count > limits.output_mb * MIB:
            raise LostError("TooMuchOutput", f"more than {limits.output_mb} MiB were printed")
        family = descendants(self._pid)
        if sum(map(threads, family)) > limits.processes:
            raise LostError(
                "TooManyProcesses", f"more than {limits.processes} processes ran at once"
            )
        allowed = limits.memory_mb * MIB
        # Pages that processes share are counted once only where it matters: that takes longer.
        if sum(map(resident, family)) > allowed and sum(map(proportional, family)) > allowed:
            raise LostError("OutOfMemory", f"more than {limits.memory_mb} MiB were used")
        if self._scratch is None:
            return
        if size_of(self._scratch) - self._size_at_first > limits.scratch_mb * MIB:
            raise LostError("TooManyFiles", f"more than {limits.scratch_mb} MiB were written")

    def cpu_time(self) -> CpuTime | None:
        """Return what all of them had of the processors so far; None if the system does not tell.

        Children that have ended count with those that waited for them.
        """
        if not TELLS:
            return None
        return sum(map(cpu_time, descendants(self._pid)), CpuTime())


def descendants(pid: int) -> list[int]:
    """Return a process and all that it and its children started and that are not reparented."""
    found, level = [pid], [pid]
    while level:
        level = [child for parent in level for child in _children(parent)]
        found += level
    return found


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    try:
        return len(os.listdir(PROC / str(pid) / "task"))  # noqa: PTH208
    except OSError:
        return 0


def cpu_time(pid: int) -> CpuTime:
    """Return what a process had of the processors, with the children that it waited for.

    proc_pid_stat(5): user and system time of all threads, also of those that have ended, and of
    children. Linux kernel documentation, scheduler/sched-stats: the second number of `schedstat`.
    """
    ran = waited = 0.0
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        ran = sum(map(int, fields[11:15])) / TICKS
        for task in (PROC / str(pid) / "task").iterdir():
            waited += int((task / "schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        pass
    return CpuTime(ran, waited)


def resident(pid: int) -> int:
    """Return the bytes of memory that a process uses, shared ones included."""
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def proportional(pid: int) -> int:
    """Return the bytes that a process uses, shared ones divided among those that share them."""
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resident(pid)


def size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder, without following links."""
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total


def _children(pid: int) -> Iterator[int]:
    try:
        tasks = os.listdir(PROC / str(pid) / "task")  # noqa: PTH208
    except OSError:
        return
    for task in tasks:
        try:
            yield from map(int, (PROC / str(pid) / "task" / task / "children").read_text().split())
        except (OSError, ValueError):
            continue
