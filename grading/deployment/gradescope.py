"""Autograder for Gradescope: a zip file with this repository and two scripts."""

import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from grading.judge.version import COMMIT_FILE, grader_commit

SCRIPTS = Path(__file__).parent
SETUP, RUN = "setup.sh", "run_autograder"
GRADER = "grader"
ARGUMENTS = "arguments"
"""File with the arguments of `grade`, one per line."""

POLICY = "policy.toml"
"""File with the policy of the course; `run_autograder` applies it."""

EXECUTABLE = 0o100755 << 16
PLAIN = 0o100644 << 16


def write_autograder(
    root: Path, arguments: Sequence[str], file: Path, policy: bytes | None = None
) -> int:
    """Write the zip file and return its number of files.

    Args:
        root: The root of this repository, a clone of git.
        arguments: Arguments of `grade`: tasks and options.
        file: The zip file, which is overwritten.
        policy: The policy of the course; None for the rules of the table of tasks.

    Raises:
        subprocess.CalledProcessError: The root is not a git repository.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (SETUP, RUN):
            _add(archive, name, (SCRIPTS / name).read_bytes(), EXECUTABLE)
        _add(archive, ARGUMENTS, "".join(f"{each}\n" for each in arguments).encode(), PLAIN)
        if policy is not None:
            _add(archive, POLICY, policy, PLAIN)
        # The archive has no git folder.
        _add(archive, f"{GRADER}/{COMMIT_FILE}", f"{grader_commit()}\n".encode(), PLAIN)
        for path in _tracked(root):
            _add(archive, f"{GRADER}/{path}", (root / path).read_bytes(), PLAIN)
        return len(archive.namelist())


def _tracked(root: Path) -> Iterator[str]:
    """Yield the paths of existing tracked files."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True
    ).stdout.decode()
    for name in listed.split("\0"):
        if name and (root / name).is_file():
            yield name


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    # Without dates, equal files give equal archives.
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
