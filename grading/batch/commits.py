"""The time of a submission's last git commit.

Its author sets this time, so it counts only if a course's policy says so. The configuration of the
submission's repository is not read, because it can name programs that git starts.
"""

import os
import re
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
REFERENCE = re.compile(r"refs/[\w./-]+")
COMMITTER = re.compile(rb"^committer .*> (-?\d{1,12}) ([+-])(\d\d)(\d\d)$", re.MULTILINE)

MAX_BYTES = 1_000_000
"""Maximum size of a file with references, in bytes."""

SECONDS = 20.0
"""Time limit of git, in seconds."""


def commit_time(folder: Path) -> str:
    """Return the time of the checked-out commit, in ISO 8601; empty if there is none."""
    repository = folder / ".git"
    if repository.is_symlink() or not repository.is_dir():
        return ""
    commit = _head(repository)
    content = b"" if commit is None else _commit(repository, commit)
    found = COMMITTER.search(content.partition(b"\n\n")[0])
    if found is None:
        return ""
    offset = timedelta(hours=int(found[3]), minutes=int(found[4])) * (1 if found[2] == b"+" else -1)
    try:
        at = datetime.fromtimestamp(int(found[1]), UTC).astimezone(timezone(offset))
    except (ValueError, OverflowError, OSError):
        return ""
    return at.isoformat()


def _head(repository: Path) -> str | None:
    """Return the checked-out commit."""
    text = _text(repository / "HEAD")
    name = text.removeprefix("ref:").strip()
    if not text.startswith("ref:"):
        return name if OBJECT.fullmatch(name) else None
    if not REFERENCE.fullmatch(name) or ".." in name:
        return None
    loose = _text(repository / name)
    if OBJECT.fullmatch(loose):
        return loose
    packed = (line.split(" ", 1) for line in _text(repository / "packed-refs").splitlines())
    commits = (line[0] for line in packed if line[1:] == [name])
    return next((commit for commit in commits if OBJECT.fullmatch(commit)), None)


def _text(file: Path) -> str:
    """Return the content of a small regular file; empty if there is none."""
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_BYTES:
            return ""
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _commit(repository: Path, commit: str) -> bytes:
    """Return the text of a commit, read from the submission's objects with settings of our own."""
    with tempfile.TemporaryDirectory(prefix="mt-commit-") as own:
        environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
        environment |= {
            "GIT_DIR": own,
            "GIT_OBJECT_DIRECTORY": str((repository / "objects").absolute()),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_NO_LAZY_FETCH": "1",
        }
        for name in ("refs", "objects"):
            (Path(own) / name).mkdir()
        (Path(own) / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
        sha256 = len(commit) == 64
        config = "[core]\nrepositoryformatversion = 1\n[extensions]\nobjectformat = sha256\n"
        (Path(own) / "config").write_text(config * sha256, encoding="utf-8")
        try:
            done = subprocess.run(
                ["git", "cat-file", "commit", commit],
                env=environment,
                capture_output=True,
                timeout=SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return b""
    return done.stdout
