"""What sandboxes have in common, however they are set up."""

import os
from collections.abc import Sequence
from pathlib import Path

from grading.isolation.launch import Launch
from grading.isolation.limits import Limits
from grading.isolation.mounts import HOME, KIT, SUBMISSION
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
    """Prepare a worker behind a command that sets up a view.

    Args:
        command: Runs the words that follow it in the sandbox.
        setup: What the worker sees.
        limits: What it may use.
        folder: The folder that the worker's files are copied to.
        own_user: Whether it becomes a user of its own.
    """
    copy_worker_files(folder / "kit")
    settings = Settings(
        root=SUBMISSION,
        submission=tuple(f"{SUBMISSION}/{path}".rstrip("/.") for path in setup.submission),
        third_party=tuple(map(str, third_party())),
        user=fresh_user() if own_user else None,
        limits=kernel_limits(limits, setup.gpu),
    )
    environment = {**usual_environment(HOME), "TMPDIR": "/tmp/tmp", **setup.environment}
    return Launch(
        command=[*command, *worker_command(KIT)],
        environment=environment,
        settings=settings,
        shown_as={f"{SUBMISSION}/": "", f"{KIT}/": ""},
        scratch=None,
    )


def undefended(own_user: bool) -> tuple[str, ...]:
    """Return what a sandbox cannot do, in words."""
    if own_user or os.getuid():
        return ()
    return ("the kernel sets no limit to root's processes: only the judge counts them",)
