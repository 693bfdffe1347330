"""A sandbox by bubblewrap."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from grading.isolation.launch import Launch, Level
from grading.isolation.limits import Limits
from grading.isolation.mounts import HOME, Mounts, mounts_of
from grading.isolation.sandbox import launch_in_sandbox, undefended
from grading.isolation.worker_files import WorkerSetup


class Bubblewrap(Level):
    """Namespaces of its own for processes, files, network and messages, set up by ``bwrap``.

    Args:
        own_user: Whether the worker becomes a user of its own, which root can have it do.
    """

    def __init__(self, own_user: bool) -> None:
        self.own_user = own_user
        self.name = "sandbox (bubblewrap)"
        self.undefended = undefended(own_user)

    def launch(self, setup: WorkerSetup, limits: Limits, folder: Path) -> Launch:
        """Prepare a sandbox."""
        mounts = mounts_of(setup, limits, folder / "kit")
        command = [shutil.which("bwrap") or "bwrap", *_namespaces(self.own_user), *_files(mounts)]
        return launch_in_sandbox(command, setup, limits, folder, self.own_user)


def _namespaces(own_user: bool) -> list[str]:
    words = ["--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid"]
    words += ["--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "worker"]
    words += ["--cap-drop", "ALL"]
    if own_user:
        # The worker itself becomes another user, with its first steps.
        return [*words, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*words, "--unshare-user", "--uid", "1000", "--gid", "1000"]


def _files(mounts: Mounts) -> list[str]:
    temporary = ["--perms", "1777", "--size", str(mounts.size), "--tmpfs"]
    words: list[str] = []
    for place in mounts.writable:
        words += [*temporary, place]
    for place in mounts.made:
        words += ["--perms", "0777", "--dir", place]
    for place, target in mounts.links:
        words += ["--symlink", target, place]
    # Left to itself, bubblewrap makes folders on the way that only root may enter.
    for folder in _on_the_way(there for _, there in mounts.shown):
        if folder not in mounts.writable:
            words += ["--perms", "0755", "--dir", folder]
    for here, there in mounts.shown:
        words += ["--ro-bind", here, there]
    for place in mounts.hidden:
        words += ["--tmpfs", place, "--remount-ro", place]
    words += ["--proc", "/proc", "--dev", "/dev", *temporary, "/dev/shm"]
    for place in mounts.devices:
        words += ["--dev-bind", place, place]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]


def _on_the_way(places: Iterable[str]) -> list[str]:
    """Return the folders above some places, outermost first."""
    above = {str(folder) for place in places for folder in Path(place).parents}
    return sorted(above - {"/"})


def available() -> bool:
    """Return whether there is a ``bwrap``; whether it works is another question."""
    return shutil.which("bwrap") is not None
