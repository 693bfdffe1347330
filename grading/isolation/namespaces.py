"""A sandbox by the kernel's namespaces alone, where there is no bubblewrap."""

import json
from pathlib import Path

from grading.isolation.launch import Launch, Level
from grading.isolation.limits import Limits
from grading.isolation.mounts import HOME, mounts_of
from grading.isolation.sandbox import launch_in_sandbox, undefended
from grading.isolation.worker_files import WorkerSetup, interpreter

ENTER = Path(__file__).with_name("enter.py")


class Namespaces(Level):
    """Namespaces of its own for processes, files, network and messages.

    Args:
        own_user: Whether the worker becomes a user of its own, which root can have it do.
    """

    def __init__(self, own_user: bool) -> None:
        self.own_user = own_user
        self.name = "sandbox (namespaces)"
        self.undefended = undefended(own_user)

    def launch(self, setup: WorkerSetup, limits: Limits, folder: Path) -> Launch:
        """Prepare a sandbox."""
        (folder / "root").mkdir()
        plan = {
            **mounts_of(setup, limits, folder / "kit").as_plain(),
            "root": str(folder / "root"),
            "home": HOME,
            "new_user": not self.own_user,
        }
        command = [str(interpreter()), "-I", "-S", str(ENTER), json.dumps(plan)]
        return launch_in_sandbox(command, setup, limits, folder, self.own_user)
