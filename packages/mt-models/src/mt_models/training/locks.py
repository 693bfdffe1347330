"""Lock of a run's folder: one process at a time trains in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"
"""The name of the lock file. The system releases the lock when its process ends for any reason."""


class RunInUseError(RuntimeError):
    """Another process trains in the folder of a run."""


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder.

    Args:
        folder: The existing folder.

    Raises:
        RunInUseError: Another process holds the lock, or this one in another call.
        OSError: The lock file cannot be written.
    """
    # FileLock reports some folders without write permission as a lock of another process.
    (folder / LOCK).touch()
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunInUseError(
            f"another training runs in {folder}{_owner(folder)}; wait until it ends, or choose "
            "another folder with --out"
        ) from None
    try:
        with suppress(OSError):  # Windows permits no second handle of a locked file.
            (folder / LOCK).write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Return whether a process trains in a folder."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # A folder without write permission: nothing can be trained in it.


def _owner(folder: Path) -> str:
    """Return the number of the process that holds the lock, in brackets, if it is known."""
    with suppress(OSError, ValueError):
        return f" (process {int((folder / LOCK).read_text(encoding='utf-8'))})"
    return ""
