"""Digests of a submission and of the grader; a change of either one requires a new grading."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from grading.judge.version import PATHS

MAX_FILE_BYTES = 8_000_000
"""Maximum size of a digested file, in bytes; of larger ones, size and modification time count."""

MAX_FILES = 20_000
"""Maximum number of files of one submission to digest; only downloads have more."""

SKIPPED = {".git", "__pycache__", ".venv", "node_modules", ".pytest_cache", ".mypy_cache"}
"""Names of folders without work of the learner."""

LIBRARIES = ("numpy", "numba", "hypothesis", "pytest")
"""Libraries whose versions affect marks."""


def digest_of_all(paths: Sequence[Path]) -> str:
    """Return a digest of the folders and archives of a submission."""
    parts = [digest_of(path) if path.is_dir() else contents(path).hex() for path in paths]
    if len(parts) == 1:
        return parts[0]
    names = [os.fsencode(path.name) for path in paths]
    return hashlib.sha256(repr([*zip(names, parts, strict=True)]).encode()).hexdigest()


def digest_of(folder: Path) -> str:
    """Return a digest of the names and contents of the files of a submission.

    Symbolic links are not followed and only regular files are opened, so that endless pipes and
    cyclic links are harmless.
    """
    digest = hashlib.sha256()
    for number, (name, path) in enumerate(files(folder)):
        if number == MAX_FILES:
            break
        digest.update(len(name).to_bytes(4, "big") + name)
        digest.update(contents(path))
    return digest.hexdigest()


def digest_of_grader(root: Path, settings: Iterable[str]) -> str:
    """Return a digest of the grader, its arguments and its libraries.

    Args:
        root: The root of this repository.
        settings: The arguments of the grader.
    """
    digest = hashlib.sha256()
    for part in PATHS:
        path = root / part
        digest.update(contents(path) if path.is_file() else digest_of(path).encode())
    versions = [f"{name} {metadata.version(name)}" for name in LIBRARIES]
    # Without it, archives are refused that are graded after its installation.
    has_7z = find_spec("py7zr") is not None
    for text in (*settings, *versions, "py7zr" * has_7z):
        digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def files(folder: Path) -> Iterator[tuple[bytes, Path]]:
    """Yield all files in a folder in a fixed order, with their relative names.

    Symbolic links count as files. The search is iterative, so that deep nesting is harmless.
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


def contents(path: Path) -> bytes:
    """Return the bytes that represent the contents of a file in the digest."""
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
