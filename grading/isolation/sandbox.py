"""The common part of both sandboxes."""

import os
from collections.abc import Sequence
from pathlib import Path

from grading.isolation.launch import Launch
from grading.isolation.limits import Limits
from grading.isolation.mounts import HOME, KERNELS, SUBMISSION, WORKER_ROOT
from grading.isolation.users import fresh_user
from grading.isolation.worker_command import kernel_limits, worker_command
from grading.isolation.worker_files import (
    WorkerSetup,
    copy_worker_files,
    third_party,
    usual_environment,
)
from grading.worker.settings import Settings


def launch_in_sandbox(
    command: Sequence[str], setup: WorkerSetup, limits: Limits, folder: Path, own_user: bool
) -> Launch:
    """Prepare a worker in a sandbox.

    Args:
        command: Sets up the sandbox and runs in it the command that follows.
        setup: The files and variables that the worker sees.
        limits: Its resource limits.
        folder: The folder that the worker's files are copied to.
        own_user: True if the worker changes to a separate user.
    """
    copy_worker_files(folder / "worker-files")
    settings = Settings(
        root=SUBMISSION,
        submission=tuple(f"{SUBMISSION}/{path}".rstrip("/.") for path in setup.submission),
        third_party=tuple(map(str, third_party())),
        user=fresh_user() if own_user else None,
        limits=kernel_limits(limits, setup.gpu),
    )
    environment = {**usual_environment(HOME), "TMPDIR": "/tmp/tmp", **setup.environment}
    if setup.kernels is not None:
        environment["NUMBA_CACHE_DIR"] = KERNELS
    return Launch(
        command=[*command, *worker_command(WORKER_ROOT)],
        environment=environment,
        settings=settings,
        path_prefixes={f"{SUBMISSION}/": "", f"{WORKER_ROOT}/": ""},
        scratch=None,
    )


def undefended(own_user: bool) -> tuple[str, ...]:
    """Return the actions that a sandbox cannot prevent, for reports."""
    if own_user or os.getuid():
        return ()
    return ("the kernel sets no limit to root's processes: only the judge counts them",)
