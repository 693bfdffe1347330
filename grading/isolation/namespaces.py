"""A sandbox set up with the kernel's namespaces, for machines without bubblewrap."""

import json
from pathlib import Path

from grading.isolation.launch import Launch, Level
from grading.isolation.limits import Limits
from grading.isolation.mounts import HOME, mounts_of
from grading.isolation.sandbox import launch_in_sandbox, undefended
from grading.isolation.worker_files import WorkerSetup, interpreter

ENTER = Path(__file__).with_name("enter.py")


class Namespaces(Level):
    """Separate namespaces for processes, files, network and messages.

    Args:
        own_user: True if the worker changes to a separate user; only root can allow this.
    """

    def __init__(self, own_user: bool) -> None:
        self.own_user = own_user
        self.name = "sandbox (namespaces)"
        self.undefended = undefended(own_user)

    def launch(self, setup: WorkerSetup, limits: Limits, folder: Path) -> Launch:
        """Prepare a sandbox."""
        (folder / "root").mkdir()
        plan = {
            **mounts_of(setup, limits, folder / "worker-files").as_plain(),
            "root": str(folder / "root"),
            "home": HOME,
            "new_user": not self.own_user,
        }
        command = [str(interpreter()), "-I", "-S", str(ENTER), json.dumps(plan)]
        return launch_in_sandbox(command, setup, limits, folder, self.own_user)
