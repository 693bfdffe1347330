"""Dropping privileges before code under test is imported; they cannot be regained."""

import ctypes
import os
import resource
import signal
import sys

from grading.worker.settings import Settings

SET_DEATH_SIGNAL = 1
"""Option of ``prctl`` (linux/prctl.h) that sets the signal for the end of the parent process."""


def drop_privileges(settings: Settings) -> None:
    """Change the user if the settings name one, end with the judge, and set resource limits.

    Both soft and hard limits are set, so that no child process can raise them.

    Raises:
        OSError: The system refuses to change the user.
    """
    if settings.user is not None:
        os.setgroups([])
        os.setresgid(settings.user, settings.user, settings.user)
        os.setresuid(settings.user, settings.user, settings.user)
    if sys.platform == "linux":
        # A change of the user resets this setting, so it comes after it.
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: settings.limits.cpu_seconds,
        resource.RLIMIT_DATA: settings.limits.memory,
        resource.RLIMIT_AS: settings.limits.address_space,
        resource.RLIMIT_NPROC: settings.limits.processes,
        resource.RLIMIT_FSIZE: settings.limits.file_bytes,
    }
    for limit, value in limits.items():
        if value is not None:
            _lower(limit, value)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(limit, (value, value))
    except ValueError:
        # Systems other than Linux do not support some limits; the judge enforces those.
        if sys.platform == "linux":
            raise
