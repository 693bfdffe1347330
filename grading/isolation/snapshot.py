"""A copy of a submission: what the worker sees, and nothing that leads out of it.

A link may point at the reference solution, a file may be a pipe or a gigabyte of zeros, and a
compiled file may do something else than the source beside it. None of them is copied: to the
submission they are simply absent. The copy can be read by any user, and what happens to it does
not happen to the submission.
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
LARGEST_COPY = 128 * MIB
MOST_FILES = 20_000

FOLDERS_LEFT_OUT = frozenset({"__pycache__", "node_modules", "venv", "runs", "dist", "build"})
SUFFIXES_LEFT_OUT = frozenset({".pyc", ".pyo", ".so", ".pyd", ".nbi", ".nbc"})


def take(
    root: Path, folders: Sequence[Path], to: Path, changes: Mapping[str, str] | None = None
) -> None:
    """Copy folders of a submission.

    Args:
        root: The submission, without links on the way.
        folders: Folders in it.
        to: An existing folder.
        changes: Files of the copy that have another text, by their paths in the submission.
    """
    left = LARGEST_COPY
    for folder in folders:
        place = to / folder.relative_to(root)
        place.mkdir(parents=True, exist_ok=True)
        for source in files_of(folder):
            with contextlib.suppress(OSError):
                left -= _copy(source, place / source.relative_to(folder), left)
    for name, text in (changes or {}).items():
        (to / name).write_text(text, encoding="utf-8")
    for path, _, names in os.walk(to):
        Path(path).chmod(0o755)
        for name in names:
            Path(path, name).chmod(0o644)


def _copy(source: Path, target: Path, left: int) -> int:
    """Copy a file, if it is none that is left out; return how many bytes were copied."""
    size = source.stat().st_size
    largest = LARGEST_SOURCE if source.suffix == ".py" else LARGEST_FILE
    if size > min(left, largest) or source.suffix in SUFFIXES_LEFT_OUT:
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return size


def files_of(folder: Path) -> Iterator[Path]:
    """Go through the regular files of a folder by name; links and hidden folders are left out."""
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
