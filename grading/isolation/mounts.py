"""The files that a worker in a sandbox sees: the system, read-only, and writable folders."""

import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grading.isolation.limits import MIB, Limits
from grading.isolation.worker_files import WorkerSetup, third_party
from grading.worker.imports import ONLY_FROM_SUBMISSION, REFUSED

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Folders of the system, mounted read-only."""

SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")

"""Settings of the dynamic linker, mounted read-only."""

WORKER_ROOT = "/worker-files"
"""Folder in the sandbox with the worker's files."""

SUBMISSION = "/submission"
"""Folder in the sandbox with the copy of the submission."""

KERNELS = "/kernels"
"""Folder in the sandbox with compiled kernels of trusted code; writable, and kept."""

HOME = "/tmp/home"
"""Home folder of the worker, where it starts; writable."""


@dataclass(frozen=True)
class Mounts:
    """The mounts of a sandbox.

    Attributes:
        links: Symbolic links: the path of each and its target.
        read_only: Read-only files and folders: the path outside and the path in the sandbox.
        kept: Writable folders that outlive the sandbox: the path outside and the path in it.
        hidden: Folders below read-only ones that are empty in the sandbox.
        devices: Devices in addition to `grading.isolation.enter.DEVICES`.
        writable: Writable folders. They are mounted first: read-only ones may lie below them.
        created: Empty folders in the writable ones.
        size: Capacity of each writable folder and of shared memory, in bytes.
    """

    links: tuple[tuple[str, str], ...]
    read_only: tuple[tuple[str, str], ...]
    kept: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    devices: tuple[str, ...]
    writable: tuple[str, ...]
    created: tuple[str, ...]
    size: int

    def as_plain(self) -> dict[str, Any]:
        """Return the mounts as plain values."""
        return asdict(self)


def mounts_of(setup: WorkerSetup, limits: Limits, worker_files: Path) -> Mounts:
    """Return the mounts of a worker's sandbox."""
    links, read_only = [], []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            links.append((name, str(path.readlink())))
        elif path.is_dir():
            read_only.append((name, name))
    read_only += [(name, name) for name in SETTINGS if Path(name).exists()]
    for path in (*_interpreter(), *third_party()):
        if not path.is_relative_to("/usr") and path.exists():
            read_only.append((str(path), str(path)))
    read_only += [(str(worker_files), WORKER_ROOT), (str(setup.snapshot), SUBMISSION)]
    return Mounts(
        links=tuple(links),
        read_only=tuple(dict.fromkeys(read_only)),
        kept=() if setup.kernels is None else ((str(setup.kernels), KERNELS),),
        hidden=tuple(str(path) for folder in third_party() for path in _solution_packages(folder)),
        devices=_gpu() if setup.gpu else (),
        writable=("/tmp",),
        created=("/tmp/tmp", HOME),
        size=limits.scratch_mb * MIB,
    )


def _interpreter() -> tuple[Path, ...]:
    """Return the folders of the Python that the worker runs on."""
    base = Path(sys.base_prefix).resolve()
    standard = sysconfig.get_path("stdlib", vars={"installed_base": str(base)})
    return (base / "bin", base / "lib", base / "lib64", Path(standard))


def _solution_packages(folder: Path) -> list[Path]:
    """Return the installed packages that contain a reference solution or replace the work."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and (path.name.startswith(ONLY_FROM_SUBMISSION) or path.name in REFUSED)
    )


def _gpu() -> tuple[str, ...]:
    names = (path.name for path in Path("/dev").iterdir())
    return tuple(sorted(f"/dev/{name}" for name in names if name.startswith("nvidia")))
