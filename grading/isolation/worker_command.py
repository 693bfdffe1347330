"""The command of a worker, and the limits that the kernel holds it to."""

import os
import resource
from pathlib import Path

from grading.isolation.limits import MIB, Limits
from grading.isolation.worker_files import interpreter
from grading.worker.settings import KernelLimits

ADDRESSES_BEYOND_MEMORY = 16 << 30
"""Bytes of addresses that a process may reserve without using them: threads and compilers do."""

STACK = 16 * MIB
"""Bytes that a thread reserves as private memory and hardly uses."""


def worker_command(worker_files: Path | str) -> list[str]:
    """Return the command of a worker whose files are in a folder, but for its arguments."""
    flags = ["-I", "-S", "-u", "-X", "faulthandler"]
    return [str(interpreter()), *flags, f"{worker_files}/grading/worker/__main__.py"]


def kernel_limits(limits: Limits, gpu: bool, others: int | None = 0) -> KernelLimits:
    """Return the limits that the kernel enforces for each process.

    Args:
        limits: What the worker may use.
        gpu: Whether it uses a GPU, whose driver reserves addresses for all memory there is.
        others: How many processes that are not the worker's the kernel counts with its own, None
            if that is not known.
    """
    processors = os.cpu_count() or 1
    # What is used is for the judge to see; the kernel refuses what could never fit.
    memory = limits.memory_mb * MIB + processors * STACK
    return KernelLimits(
        cpu_seconds=int(limits.total_seconds) * processors + 1,
        memory=memory,
        address_space=None if gpu else memory + ADDRESSES_BEYOND_MEMORY,
        processes=None if others is None else others + limits.processes,
        file_bytes=limits.file_mb * MIB,
    )


def processes_now() -> int | None:
    """Return how many processes and threads this user has: the kernel counts them together.

    None if this system does not tell; there is no limit then that could be set.
    """
    if not Path("/proc/self/task").is_dir():
        return None
    if not os.getuid() and resource.getrlimit(resource.RLIMIT_NPROC)[0] < 0:
        return 0
    user, count = os.getuid(), 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and entry.stat().st_uid == user:
                count += len(list((entry / "task").iterdir()))
        except OSError:
            continue
    return count
