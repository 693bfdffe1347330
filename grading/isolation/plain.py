"""The level without a sandbox: a process with limits, as a separate user if root allows it."""

import os
import signal
import subprocess
from pathlib import Path

from grading.isolation.launch import Launch, Level
from grading.isolation.limits import Limits
from grading.isolation.snapshot import copy_submission
from grading.isolation.users import fresh_user
from grading.isolation.worker_command import kernel_limits, processes_now, worker_command
from grading.isolation.worker_files import (
    WorkerSetup,
    copy_worker_files,
    interpreter,
    third_party,
    usual_environment,
)
from grading.worker.settings import Settings


class Plain(Level):
    """A process with limits.

    Args:
        own_user: True if the worker changes to a separate user; only root can allow this.
    """

    def __init__(self, own_user: bool) -> None:
        self.own_user = own_user
        network = "the code under test can reach the network"
        if own_user:
            self.name = "a user of its own, without a sandbox"
            self.undefended = (
                network,
                "it can read every file of this machine that everybody can read, perhaps the "
                "checks and other submissions",
                "it can fill the folders that everybody can write",
            )
        else:
            self.name = "limits only"
            self.undefended = (
                network,
                "it can read what this user can read: the checks, other submissions",
                "it can end processes and change files of this user",
                "processes that it detaches may outlive it",
                *(() if os.getuid() else ("as root, it can change the settings of this machine",)),
            )

    def launch(self, setup: WorkerSetup, limits: Limits, folder: Path) -> Launch:
        """Copy the worker's files and the submission into the folder."""
        copy_worker_files(folder / "worker-files")
        copy, home = folder / "submission", folder / "home"
        copy.mkdir()
        copy_submission(setup.snapshot, [setup.snapshot], copy)
        folders = [copy / path for path in setup.submission]
        (home / "tmp").mkdir(parents=True)
        user = fresh_user() if self.own_user else None
        if user is not None:
            # Workers of other submissions have another user and cannot read the folder.
            os.chown(folder, -1, user)
            folder.chmod(0o750)
            for path in (home, home / "tmp"):
                os.chown(path, user, user)
        settings = Settings(
            root=str(copy),
            submission=tuple(map(str, folders)),
            third_party=tuple(map(str, third_party())),
            user=user,
            limits=kernel_limits(limits, setup.gpu, 0 if user else processes_now()),
        )
        return Launch(
            command=worker_command(folder / "worker-files"),
            environment={**usual_environment(str(home)), **setup.environment},
            settings=settings,
            path_prefixes={f"{copy}/": "", f"{folder}/worker-files/": ""},
            scratch=folder,
            end=(lambda: None) if user is None else (lambda: end_processes_of(user)),
        )


def end_processes_of(user: int) -> None:
    """End every process of a worker's user.

    The process that sends the signal changes to that user, so that it can reach no other process.
    """
    end = f"import os; os.setresuid({user}, {user}, {user}); os.kill(-1, {int(signal.SIGKILL)})"
    subprocess.run([str(interpreter()), "-I", "-S", "-c", end], check=False)
