"""The files that a worker in a sandbox sees: a system to read, and two folders to write."""

import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grading.isolation.limits import MIB, Limits
from grading.isolation.worker_files import WorkerSetup, third_party
from grading.worker.imports import ONLY_FROM_SUBMISSION, REFUSED

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")

KIT = "/kit"
"""The folder with the worker's files."""

SUBMISSION = "/submission"
HOME = "/tmp/home"
"""The worker's own folder: its home, and where it starts."""


@dataclass(frozen=True)
class Mounts:
    """The mounts of a sandbox.

    Attributes:
        links: Where a link is, and where it points.
        shown: What can be read: where it is on this machine, and where in the sandbox.
        hidden: Folders below what is shown that are empty in the sandbox.
        devices: Devices besides the harmless ones.
        writable: Folders to write. They come first: what is shown may lie below them.
        made: Folders made in what can be written.
        size: Bytes that each of the writable folders holds, and shared memory as well.
    """

    links: tuple[tuple[str, str], ...]
    shown: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    devices: tuple[str, ...]
    writable: tuple[str, ...]
    made: tuple[str, ...]
    size: int

    def as_plain(self) -> dict[str, Any]:
        """Return the mounts as plain values."""
        return asdict(self)


def mounts_of(setup: WorkerSetup, limits: Limits, worker_files: Path) -> Mounts:
    """Return the mounts of a worker's sandbox."""
    links, shown = [], []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            links.append((name, str(path.readlink())))
        elif path.is_dir():
            shown.append((name, name))
    shown += [(name, name) for name in SETTINGS if Path(name).exists()]
    for path in (*_interpreter(), *third_party()):
        if not path.is_relative_to("/usr") and path.exists():
            shown.append((str(path), str(path)))
    shown += [(str(worker_files), KIT), (str(setup.snapshot), SUBMISSION)]
    return Mounts(
        links=tuple(links),
        shown=tuple(dict.fromkeys(shown)),
        hidden=tuple(str(path) for folder in third_party() for path in _spoils(folder)),
        devices=_gpu() if setup.gpu else (),
        writable=("/tmp",),
        made=("/tmp/tmp", HOME),
        size=limits.scratch_mb * MIB,
    )


def _interpreter() -> tuple[Path, ...]:
    """Return the folders of the Python that the worker runs on."""
    base = Path(sys.base_prefix).resolve()
    standard = sysconfig.get_path("stdlib", vars={"installed_base": str(base)})
    return (base / "bin", base / "lib", base / "lib64", Path(standard))


def _spoils(folder: Path) -> list[Path]:
    """Return the folders of installed libraries that hold a reference solution or do the work."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and (path.name.startswith(ONLY_FROM_SUBMISSION) or path.name in REFUSED)
    )


def _gpu() -> tuple[str, ...]:
    names = (path.name for path in Path("/dev").iterdir())
    return tuple(sorted(f"/dev/{name}" for name in names if name.startswith("nvidia")))
