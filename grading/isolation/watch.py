"""Measurement of a worker's resource use, from the ``/proc`` file system."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading.isolation.errors import LostError
from grading.isolation.limits import MIB, Limits
from grading.isolation.output import Output

PROC = Path("/proc")

PAGE = os.sysconf("SC_PAGE_SIZE")
"""Size of a page of memory, in bytes."""

TICKS = os.sysconf("SC_CLK_TCK")
"""Clock ticks per second, the unit of times in ``/proc/PID/stat``."""

HAS_PROC = (PROC / "self" / "stat").exists() and any(PROC.glob("self/task/*/children"))
"""True if the system reports processes, their children and their processor time."""


@dataclass(frozen=True)
class CpuTime:
    """Processor time of threads.

    Attributes:
        run: Seconds in which they ran, summed over threads.
        wait: Seconds in which they were ready and waited for a processor, summed over threads. A
            sleeping thread does not wait.
    """

    run: float = 0.0
    wait: float = 0.0

    def __add__(self, other: "CpuTime") -> "CpuTime":
        return CpuTime(self.run + other.run, self.wait + other.wait)

    def __sub__(self, other: "CpuTime") -> "CpuTime":
        return CpuTime(self.run - other.run, self.wait - other.wait)


class Watch:
    """Watch over the limits of a worker and all its child processes.

    Args:
        pid: The process that was started.
        limits: The limits of all processes together.
        output: Their output.
        scratch: The folder whose size to limit; None if the file system limits it.
    """

    def __init__(self, pid: int, limits: Limits, output: Output, scratch: Path | None) -> None:
        self._pid = pid
        self.limits = limits
        self._output = output
        self._scratch = scratch
        self._size_at_first = size_of(scratch) if scratch else 0

    def check(self) -> None:
        """Compare the current resource use with the limits.

        Raises:
            LostError: A limit is exceeded.
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
        # Shared pages are counted once only if the quick sum is too large: this takes longer.
        if sum(map(resident, family)) > allowed and sum(map(proportional, family)) > allowed:
            raise LostError("OutOfMemory", f"more than {limits.memory_mb} MiB were used")
        if self._scratch is None:
            return
        if size_of(self._scratch) - self._size_at_first > limits.scratch_mb * MIB:
            raise LostError("TooManyFiles", f"more than {limits.scratch_mb} MiB were written")

    def cpu_time(self) -> CpuTime | None:
        """Return the processor time of all processes; None if the system does not report it.

        The time of an ended child counts with the process that waited for it.
        """
        if not HAS_PROC:
            return None
        return sum(map(cpu_time, descendants(self._pid)), CpuTime())


def descendants(pid: int) -> list[int]:
    """Return a process and its descendants, without reparented ones."""
    found, level = [pid], [pid]
    while level:
        level = [child for parent in level for child in _children(parent)]
        found += level
    return found


def threads(pid: int) -> int:
    """Return the number of threads of a process."""
    try:
        return len(_tasks(pid))
    except OSError:
        return 0


def cpu_time(pid: int) -> CpuTime:
    """Return the processor time of a process and of the children that it waited for.

    Sources: proc_pid_stat(5), for the user and system time of all threads, ended ones and children
    included; Linux kernel documentation, scheduler/sched-stats, for the second number of
    `schedstat`.
    """
    ran = waited = 0.0
    try:
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        ran = sum(map(int, fields[11:15])) / TICKS
        for task in _tasks(pid):
            waited += int(_read(f"/proc/{pid}/task/{task}/schedstat").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        pass
    return CpuTime(ran, waited)


def resident(pid: int) -> int:
    """Return the memory of a process in bytes, with all shared pages."""
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def proportional(pid: int) -> int:
    """Return the memory of a process in bytes; shared pages are divided among their processes."""
    try:
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resident(pid)


def size_of(folder: Path) -> int:
    """Return the size of the files in a folder, in bytes, without following links."""
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total


def _tasks(pid: int) -> list[str]:
    return os.listdir(f"/proc/{pid}/task")  # noqa: PTH208


def _read(file: str) -> bytes:
    """Return a file of ``/proc``; `pathlib` would take most of the time of a sample."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        content = b""
        while part := os.read(descriptor, 1 << 16):
            content += part
        return content
    finally:
        os.close(descriptor)


def _children(pid: int) -> Iterator[int]:
    try:
        tasks = _tasks(pid)
    except OSError:
        return
    for task in tasks:
        try:
            yield from map(int, _read(f"/proc/{pid}/task/{task}/children").split())
        except (OSError, ValueError):
            continue
