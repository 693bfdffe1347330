"""The command that starts a worker, and the limits that the kernel enforces."""

import os
import resource
from pathlib import Path

from grading.isolation.limits import MIB, Limits
from grading.isolation.worker_files import interpreter
from grading.worker.settings import KernelLimits

ADDRESSES_BEYOND_MEMORY = 16 << 30
"""Bytes of address space beyond the memory limit: threads and compilers reserve unused addresses.

A smaller value makes imports fail on machines with many processors.
"""

STACK = 16 * MIB
"""Bytes of private memory that a thread reserves and mostly does not use."""


def worker_command(worker_files: Path | str) -> list[str]:
    """Return the command of a worker without its arguments.

    Args:
        worker_files: The folder with the worker's files.
    """
    flags = ["-I", "-S", "-u", "-X", "faulthandler"]
    return [str(interpreter()), *flags, f"{worker_files}/grading/worker/__main__.py"]


def kernel_limits(limits: Limits, gpu: bool, others: int | None = 0) -> KernelLimits:
    """Return the limits that the kernel enforces for each process.

    Args:
        limits: The limits of the worker.
        gpu: True if it uses a GPU, whose driver reserves addresses for the whole memory.
        others: Number of other processes that the kernel counts with those of the worker; None if
            it is not known.
    """
    processors = os.cpu_count() or 1
    # The judge measures memory in use; the kernel's limit on reservations is higher.
    memory = limits.memory_mb * MIB + processors * STACK
    return KernelLimits(
        cpu_seconds=int(limits.total_seconds) * processors + 1,
        memory=memory,
        address_space=None if gpu else memory + ADDRESSES_BEYOND_MEMORY,
        processes=None if others is None else others + limits.processes,
        file_bytes=limits.file_mb * MIB,
    )


def processes_now() -> int | None:
    """Return the number of processes and threads of this user, which the kernel counts together.

    None if this system does not report it; then no limit can be set.
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
