"""The copy of a submission that a worker sees.

Only regular source and data files of bounded size are copied. A link may point to the reference
solution, a file may be a pipe or very large, and a compiled file may do something else than its
source; the worker does not see them. Any user can read the copy, and changes to it do not affect
the submission.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from grading.isolation.limits import MIB
from grading.submissions.submission import LARGEST_SOURCE

LARGEST_FILE = 4 * MIB
"""Largest file that is copied, in bytes; sources may have `LARGEST_SOURCE`."""

LARGEST_COPY = 128 * MIB
"""Largest total size of a copy, in bytes; further files are left out."""

MOST_FILES = 20_000
"""Largest number of files that are examined in a folder; further ones are left out."""

FOLDERS_LEFT_OUT = frozenset({"__pycache__", "node_modules", "venv", "runs", "dist", "build"})
"""Names of folders that are not copied."""

SUFFIXES_LEFT_OUT = frozenset({".pyc", ".pyo", ".so", ".pyd", ".nbi", ".nbc"})
"""Suffixes of compiled files, which are not copied."""


def copy_submission(
    root: Path, folders: Sequence[Path], to: Path, changes: Mapping[str, str] | None = None
) -> None:
    """Copy folders of a submission.

    Args:
        root: The submission; no part of the path is a symbolic link.
        folders: The folders in it to copy.
        to: An existing folder.
        changes: Texts that replace files of the copy, by their paths in the submission.
    """
    left = LARGEST_COPY
    for folder in folders:
        target = to / folder.relative_to(root)
        target.mkdir(parents=True, exist_ok=True)
        for source in files_of(folder):
            with contextlib.suppress(OSError):
                left -= _copy(source, target / source.relative_to(folder), left)
    for name, text in (changes or {}).items():
        (to / name).write_text(text, encoding="utf-8")
    for path, _, names in os.walk(to):
        Path(path).chmod(0o755)
        for name in names:
            Path(path, name).chmod(0o644)


def _copy(source: Path, target: Path, left: int) -> int:
    """Copy a file unless it is too large or compiled; return the number of bytes copied."""
    size = source.stat().st_size
    largest = LARGEST_SOURCE if source.suffix == ".py" else LARGEST_FILE
    if size > min(left, largest) or source.suffix in SUFFIXES_LEFT_OUT:
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return size


def files_of(folder: Path) -> Iterator[Path]:
    """Iterate over the regular files of a folder by name, without links and hidden folders."""
    count = 0
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in FOLDERS_LEFT_OUT
            and not Path(path, name).is_symlink()
        )
        for name in sorted(names):
            file = Path(path, name)
            try:
                regular = stat.S_ISREG(file.lstat().st_mode)
            except OSError:
                continue
            count += 1
            if count > MOST_FILES:
                return
            if regular and os.access(file, os.R_OK):
                yield file
