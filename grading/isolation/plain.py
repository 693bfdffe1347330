"""Without a sandbox: a process with limits, and a user of its own where root can give it one."""

import os
import signal
import subprocess
from pathlib import Path

from grading.isolation.launch import Launch, Level
from grading.isolation.limits import Limits
from grading.isolation.snapshot import take
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
        own_user: Whether the worker becomes a user of its own.
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
            )

    def launch(self, setup: WorkerSetup, limits: Limits, folder: Path) -> Launch:
        """Copy the worker's files and the submission into the folder."""
        copy_worker_files(folder / "kit")
        copy, home = folder / "submission", folder / "home"
        copy.mkdir()
        take(setup.snapshot, [setup.snapshot], copy)
        places = [copy / path for path in setup.submission]
        (home / "tmp").mkdir(parents=True)
        user = fresh_user() if self.own_user else None
        if user is not None:
            # Open to this worker, closed to those of other submissions.
            os.chown(folder, -1, user)
            folder.chmod(0o750)
            for path in (home, home / "tmp"):
                os.chown(path, user, user)
        settings = Settings(
            root=str(copy),
            submission=tuple(map(str, places)),
            third_party=tuple(map(str, third_party())),
            user=user,
            limits=kernel_limits(limits, setup.gpu, 0 if user else processes_now()),
        )
        return Launch(
            command=worker_command(folder / "kit"),
            environment={**usual_environment(str(home)), **setup.environment},
            settings=settings,
            shown_as={f"{copy}/": "", f"{folder}/kit/": ""},
            scratch=folder,
            end=(lambda: None) if user is None else (lambda: end_all_of(user)),
        )


def end_all_of(user: int) -> None:
    """End every process of a user that no one else is.

    The process that does it becomes the user, so that the kernel lets it reach no other.
    """
    end = f"import os; os.setresuid({user}, {user}, {user}); os.kill(-1, {int(signal.SIGKILL)})"
    subprocess.run([str(interpreter()), "-I", "-S", "-c", end], check=False)
