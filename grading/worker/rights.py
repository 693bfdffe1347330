"""Giving up rights, for good, before code under test is imported."""

import ctypes
import os
import resource
import signal
import sys

from grading.worker.settings import Settings

SET_DEATH_SIGNAL = 1
"""From linux/prctl.h: the signal that a process gets when its parent ends."""


def give_up(settings: Settings) -> None:
    """Become another user if that is wanted, end with the judge, and set limits.

    Both the soft and the hard limits are set: no process that comes after can raise them.

    Raises:
        OSError: The system refuses to change the user.
    """
    if settings.user is not None:
        os.setgroups([])
        os.setresgid(settings.user, settings.user, settings.user)
        os.setresuid(settings.user, settings.user, settings.user)
    if sys.platform == "linux":
        # Only now: the kernel forgets it when a process changes its user.
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: settings.limits.cpu_seconds,
        resource.RLIMIT_DATA: settings.limits.memory,
        resource.RLIMIT_AS: settings.limits.address_space,
        resource.RLIMIT_NPROC: settings.limits.processes,
        resource.RLIMIT_FSIZE: settings.limits.file_bytes,
    }
    for limit, value in wanted.items():
        if value is not None:
            _lower(limit, value)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(limit, (value, value))
    except ValueError:
        # Other systems than Linux know some limits by name only; the judge looks after them.
        if sys.platform == "linux":
            raise
