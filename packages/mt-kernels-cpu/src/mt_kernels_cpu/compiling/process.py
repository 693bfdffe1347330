"""Changes to the process that compiled kernels need, made before the first one is compiled.

Importing this package changes nothing. `configure` is called before anything of this package is
compiled, loaded from disk or run on numba's threads.
"""

import itertools
import os
import re
import secrets
import threading
from collections.abc import Iterable
from typing import Any

from numba.core import bytecode
from numba.core.compiler_lock import global_compiler_lock
from numba.np.ufunc import parallel

FunctionIdentity: Any = bytecode.FunctionIdentity

SYMBOLS_CAN_BE_UNIQUE = hasattr(FunctionIdentity, "_unique_ids")
"""True if this version of numba has the counter that `configure` replaces."""

parallel_lock = threading.RLock()
"""The lock of numba's threads."""
buffer_lock = threading.Lock()
"""The lock of the buffers of all backends."""

_LOCKS: tuple[Any, ...] = (parallel_lock, global_compiler_lock, buffer_lock)
"""Locks that a fork waits for. A thread that holds one may acquire only later ones."""

_lock = threading.Lock()
_last_shared_number: int | None = None


def configure() -> None:
    """Prepare the process for compiled kernels; calls after the first one do nothing.

    - Idle threads of GNU OpenMP sleep. By default they keep their processor busy for milliseconds.
      If other programs run, the thread with work then waits for a processor, and a kernel starts
      after 1 to 10 ms instead of 0.01 ms. `OMP_WAIT_POLICY` selects this; numba's threads read it
      when they start. A value that the user has set is kept.
    - Names of compiled functions differ from those of every other process. numba numbers functions
      from 1, and the number is part of the linker's name of the machine code. Two functions from
      the same lines in two processes, ``map(neg)`` in one and ``map(exp)`` in the other, could
      share a name; in a third process that loads both, calls to one could reach the other. So this
      process continues at a random number, and each forked child continues at another.
    - A fork waits until no thread compiles, runs a parallel kernel or takes a buffer. A lock that
      another thread holds during a fork would remain locked in the child for ever.
    """
    global _last_shared_number
    if _last_shared_number is not None:
        return
    with _lock:
        if _last_shared_number is not None:
            return
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=_acquire_locks,
                after_in_parent=_release_locks,
                after_in_child=_prepare_child,
            )
        if not SYMBOLS_CAN_BE_UNIQUE:
            _last_shared_number = 0
            return
        last_number = next(FunctionIdentity._unique_ids)
        _start_at_random_number()
        _last_shared_number = last_number


_importing_process = os.getpid()


def is_forked() -> bool:
    """Return whether this process is a fork of the one that imported this package."""
    return os.getpid() != _importing_process


def keep_over_forks(lock: Any) -> None:
    """Make a fork wait for a lock.

    Otherwise a child that is forked while another thread holds the lock would wait for ever: that
    thread does not exist in the child.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )


def may_use_threads() -> bool:
    """Return whether numba's threads exist in this process or may be started.

    A forked child does not have the threads of its parent, and GNU OpenMP, one of numba's
    threading layers, ends a child that uses them. The result is False in such a child.
    """
    global _process_of_threads
    process = os.getpid()
    if _process_of_threads is None:
        # Other code may have started numba's threads before a fork.
        forked = process != _IMPORTING_PROCESS
        started = forked and getattr(parallel, "_is_initialized", False)
        _process_of_threads = _IMPORTING_PROCESS if started else process
    return _process_of_threads == process


_IMPORTING_PROCESS = os.getpid()
_process_of_threads: int | None = None


def _acquire_locks() -> None:
    for lock in _LOCKS:
        lock.acquire()


def _release_locks() -> None:
    for lock in reversed(_LOCKS):
        lock.release()


def _prepare_child() -> None:
    _release_locks()
    if SYMBOLS_CAN_BE_UNIQUE:
        _start_at_random_number()


def _start_at_random_number() -> None:
    FunctionIdentity._unique_ids = itertools.count(secrets.randbits(48))


def symbols_are_unique(symbols: Iterable[str]) -> bool:
    """Return whether no other process can have used some names for other functions.

    Names of functions that other users of numba compiled before `configure` are not unique. Kernels
    that call such functions must not be cached on disk.

    Args:
        symbols: The linker's names. numba's functions have a tag such as ``B5v1234``: the length of
            the tag, then ``v`` and the number.
    """
    numbers = (
        int(digits[: int(length) - 1])
        for symbol in symbols
        for length, digits in re.findall(r"B(\d+)v(\d+)", symbol)
    )
    return _last_shared_number is not None and all(
        number > _last_shared_number for number in numbers
    )
