"""Digests: of a submission, and of the grader that judges it. Either changes, it is judged anew."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

MAX_FILE_BYTES = 8_000_000
"""Bytes. Of a larger file, the size and the time of its last change stand for its contents."""

MAX_FILES = 20_000
"""How many files of one submission are looked at. Nobody writes more; downloads may have more."""

SKIPPED = {".git", "__pycache__", ".venv", "node_modules", ".pytest_cache", ".mypy_cache"}
"""Folders that say nothing about a submission."""

GRADER = ("grading", "asv_benchmarks/workloads.py")
"""What of this repository decides a mark, from its root."""

LIBRARIES = ("numpy", "numba", "hypothesis", "pytest")


def digest_of(folder: Path) -> str:
    """Return a digest of the files of a submission: their names and what is in them.

    Links are not followed, and nothing but plain files is opened: neither a pipe that never ends
    nor a loop of links holds anybody up.
    """
    digest = hashlib.sha256()
    for number, (name, path) in enumerate(_files(folder)):
        if number == MAX_FILES:
            break
        digest.update(len(name).to_bytes(4, "big") + name)
        digest.update(_contents(path))
    return digest.hexdigest()


def digest_of_grader(root: Path, settings: Iterable[str]) -> str:
    """Return a digest of everything else on which a report depends.

    Args:
        root: The root of this repository.
        settings: What the grader was asked for.
    """
    digest = hashlib.sha256()
    for part in GRADER:
        path = root / part
        digest.update(_contents(path) if path.is_file() else digest_of(path).encode())
    for text in (*settings, *(f"{name} {metadata.version(name)}" for name in LIBRARIES)):
        digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[tuple[bytes, Path]]:
    """Yield all files below a folder in a fixed order, with their relative names.

    Links are files, wherever they lead. Folders are taken from a list, so that it does not matter
    how deep they lie in one another.
    """
    root = str(folder)
    folders = [root]
    while folders:
        at = folders.pop()
        try:
            entries = sorted(os.scandir(at), key=lambda each: os.fsencode(each.name))
        except OSError:
            yield os.fsencode(at.removeprefix(root)), Path(at)
            continue
        for each in entries:
            if not each.is_dir(follow_symlinks=False):
                yield os.fsencode(each.path.removeprefix(root)), Path(each.path)
            elif each.name not in SKIPPED:
                folders.append(each.path)


def _contents(path: Path) -> bytes:
    """Return what stands for the contents of a file."""
    try:
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode):
            return b"link" + os.fsencode(path.readlink())
        if not stat.S_ISREG(about.st_mode):
            return b"special"
        if about.st_size > MAX_FILE_BYTES:
            return f"large {about.st_size} {about.st_mtime_ns}".encode()
        return b"file" + hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        return f"unreadable {error.errno}".encode()
