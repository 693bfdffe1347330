"""The last resort: a process with limits, on a copy of the submission."""

import os
import resource
import shutil
from pathlib import Path

from grading.isolation.launch import Launch, Level
from grading.isolation.limits import MIB, Limits
from grading.isolation.room import Room, copy_kit, interpreter, third_party, usual_environment
from grading.worker.settings import KernelLimits, Settings

ADDRESSES_BEYOND_MEMORY = 16 << 30
"""Bytes of addresses that a process may reserve without using them: threads and compilers do."""

LEFT_OUT = {".git", ".venv", "venv", "node_modules", "__pycache__", ".ipynb_checkpoints"}
LARGEST_FILE = 16 * MIB
LARGEST_COPY = 256 * MIB


class Plain(Level):
    """A process of the same user, with limits and nothing else."""

    name = "limits only"
    undefended = (
        "the code under test can read what this user can read, the checks included",
        "it can reach the network",
        "it can end or change processes and files of this user",
    )

    def launch(self, room: Room, limits: Limits, folder: Path) -> Launch:
        """Copy kit and submission into the folder."""
        copy_kit(folder / "kit")
        copy = folder / "submission"
        for path in room.submission:
            copy_sources(path, copy / path.relative_to(room.root))
        home = folder / "home"
        (home / "tmp").mkdir(parents=True)
        settings = Settings(
            submission=tuple(str(copy / path.relative_to(room.root)) for path in room.submission),
            support=tuple(map(str, room.support)),
            third_party=tuple(map(str, third_party())),
            user=None,
            limits=kernel_limits(limits, room.gpu, processes_now()),
        )
        return Launch(
            command=worker_command(folder / "kit"),
            environment={**usual_environment(str(home)), **room.environment},
            settings=settings,
            shown_as={f"{copy}/": "", f"{folder}/kit/": ""},
            scratch=folder,
        )


def worker_command(kit: Path | str) -> list[str]:
    """Return the command of a worker whose kit is in a folder, for its own Python."""
    flags = ["-I", "-S", "-u", "-X", "faulthandler"]
    return [str(interpreter()), *flags, f"{kit}/grading/worker/__main__.py"]


def kernel_limits(limits: Limits, gpu: bool, others: int = 0) -> KernelLimits:
    """Return the limits that the kernel enforces for each process.

    Args:
        limits: What the worker may use.
        gpu: Whether it uses a GPU, whose driver reserves addresses for all memory there is.
        others: How many processes that are not the worker's the kernel counts with its own.
    """
    memory = limits.memory_mb * MIB
    return KernelLimits(
        cpu_seconds=int(limits.total_seconds) * (os.cpu_count() or 1) + 1,
        memory=memory,
        address_space=None if gpu else memory + ADDRESSES_BEYOND_MEMORY,
        processes=others + limits.processes,
        file_bytes=limits.file_mb * MIB,
    )


def processes_now() -> int:
    """Return how many processes and threads this user has: the kernel counts them together."""
    if resource.getrlimit(resource.RLIMIT_NPROC)[0] == resource.RLIM_INFINITY and not os.getuid():
        return 0
    user, count = os.getuid(), 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and entry.stat().st_uid == user:
                count += len(list((entry / "task").iterdir()))
        except OSError:
            continue
    return count


def copy_sources(folder: Path, to: Path) -> None:
    """Copy a folder: no links, nothing large, nothing but folders and regular files.

    A file that is left out is simply absent, as it would be from a submission without it.
    """
    left = LARGEST_COPY
    for path, folders, files in os.walk(folder):
        folders[:] = [
            name for name in folders if name not in LEFT_OUT and not Path(path, name).is_symlink()
        ]
        target = to / Path(path).relative_to(folder)
        target.mkdir(parents=True, exist_ok=True)
        for name in files:
            source = Path(path, name)
            if source.is_symlink() or not source.is_file():
                continue
            size = source.stat().st_size
            if size <= min(left, LARGEST_FILE):
                shutil.copyfile(source, target / name)
                left -= size
