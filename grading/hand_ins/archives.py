"""Unpacking of an archive of a hand-in, in a process with limits of time and memory."""

import json
import subprocess
import sys
from pathlib import Path

from grading.hand_ins.unpacker import MEMORY_BYTES, SECONDS
from grading.judge.text import clean_line
from grading.paths import ROOT

SUFFIXES = (".zip", ".7z", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
"""Endings of the names of archives that are unpacked."""

OTHER_SUFFIXES = (".rar", ".tar.zst", ".gz", ".bz2", ".xz", ".zst")
"""Endings of other archives."""

ALLOWED = "a folder, a .zip, .tar.gz or .7z file"

MAX_ARCHIVE_BYTES = 100 << 20
"""Largest archive, in bytes."""

MAX_BYTES = 256 << 20
"""Largest size of all unpacked files of a hand-in, in bytes."""

MAX_FILES = 20_000
"""Largest number of unpacked files."""

WALL_SECONDS = 3.0 * SECONDS
"""Limit of elapsed time, in seconds; only a busy machine reaches it."""


class ArchiveError(Exception):
    """An archive is refused; the message gives the reason."""


def is_archive(name: str) -> bool:
    """Return True for the name of an archive that can be unpacked."""
    return name.lower().endswith(SUFFIXES)


def stem_of(name: str) -> str:
    """Return the name of a file without the ending of an archive."""
    endings = [each for each in (*SUFFIXES, *OTHER_SUFFIXES) if name.lower().endswith(each)]
    return name[: -len(max(endings, key=len))] or name if endings else name


def unpack(archive: Path, folder: Path, largest: int = MAX_BYTES, files: int = MAX_FILES) -> None:
    """Unpack an archive into an empty folder.

    Args:
        archive: The archive.
        folder: The folder, an absolute path without symbolic links.
        largest: Largest size of all files, in bytes.
        files: Largest number of files.

    Raises:
        ArchiveError: The archive is a bomb, leads out of the folder, is encrypted or damaged.
        TimeoutError: The machine is too busy.
    """
    name = clean_line(archive.name)
    try:
        size = archive.stat().st_size
    except OSError as error:
        raise ArchiveError(f"{name} cannot be read: {error.strerror}") from None
    if size > MAX_ARCHIVE_BYTES:
        raise ArchiveError(
            f"{name} is refused: it has {size >> 20} MiB; the limit is "
            f"{MAX_ARCHIVE_BYTES >> 20} MiB"
        )
    command = [sys.executable, "-m", "grading.hand_ins.unpacker", str(archive.absolute())]
    try:
        done = subprocess.run(
            [*command, str(folder), str(largest), str(files)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=WALL_SECONDS,
        )
        reason: str = json.loads(done.stdout.splitlines()[-1])["refused"]
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"{name} was not unpacked within {WALL_SECONDS:g} s; other programs use the processor"
        ) from None
    except (IndexError, ValueError):
        reason = (
            f"it takes more than {SECONDS} s of processor time or {MEMORY_BYTES >> 20} MiB of "
            "memory to unpack"
        )
    if reason:
        limits = f"the limits are {largest >> 20} MiB and {files} files"
        too_much = reason.startswith(("it is too large", "it contains too many files"))
        detail = f"{reason}; {limits}" if too_much else reason
        raise ArchiveError(clean_line(f"{name} is refused: {detail}"))
