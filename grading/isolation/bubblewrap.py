"""A sandbox set up by bubblewrap."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from grading.isolation.launch import Launch, Level
from grading.isolation.limits import Limits
from grading.isolation.mounts import HOME, Mounts, mounts_of
from grading.isolation.sandbox import launch_in_sandbox, undefended
from grading.isolation.worker_files import WorkerSetup


class Bubblewrap(Level):
    """Separate namespaces for processes, files, network and messages, set up by ``bwrap``.

    Args:
        own_user: True if the worker changes to a separate user; only root can allow this.
    """

    def __init__(self, own_user: bool) -> None:
        self.own_user = own_user
        self.name = "sandbox (bubblewrap)"
        self.undefended = undefended(own_user)

    def launch(self, setup: WorkerSetup, limits: Limits, folder: Path) -> Launch:
        """Prepare a sandbox."""
        mounts = mounts_of(setup, limits, folder / "worker-files")
        command = [shutil.which("bwrap") or "bwrap", *_namespaces(self.own_user), *_files(mounts)]
        return launch_in_sandbox(command, setup, limits, folder, self.own_user)


def _namespaces(own_user: bool) -> list[str]:
    words = ["--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid"]
    words += ["--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "worker"]
    words += ["--cap-drop", "ALL"]
    if own_user:
        # The worker changes its user itself, before it imports code under test.
        return [*words, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*words, "--unshare-user", "--uid", "1000", "--gid", "1000"]


def _files(mounts: Mounts) -> list[str]:
    temporary = ["--perms", "1777", "--size", str(mounts.size), "--tmpfs"]
    words: list[str] = []
    for path in mounts.writable:
        words += [*temporary, path]
    for path in mounts.created:
        words += ["--perms", "0777", "--dir", path]
    for path, target in mounts.links:
        words += ["--symlink", target, path]
    # By default, bubblewrap creates parent folders that only root may enter.
    for folder in _parents(inside for _, inside in mounts.read_only):
        if folder not in mounts.writable:
            words += ["--perms", "0755", "--dir", folder]
    for outside, inside in mounts.read_only:
        words += ["--ro-bind", outside, inside]
    for outside, inside in mounts.kept:
        words += ["--bind", outside, inside]
    for path in mounts.hidden:
        words += ["--tmpfs", path, "--remount-ro", path]
    # A worker of root could change the settings of the machine in `/proc/sys`.
    words += ["--proc", "/proc", "--remount-ro", "/proc"]
    words += ["--dev", "/dev", *temporary, "/dev/shm"]
    for path in mounts.devices:
        words += ["--dev-bind", path, path]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]


def _parents(paths: Iterable[str]) -> list[str]:
    """Return the parent folders of some paths, outermost first."""
    above = {str(folder) for path in paths for folder in Path(path).parents}
    return sorted(above - {"/"})


def available() -> bool:
    """Return whether ``bwrap`` is installed; it may still fail to set up a sandbox."""
    return shutil.which("bwrap") is not None
