"""The commit of the grader, which reports and exports name."""

import subprocess
from functools import cache

from grading.paths import ROOT

COMMIT_FILE = "COMMIT"
"""File with the commit, in the root of a copy without git."""

UNKNOWN = "unknown"
CHANGED = "+changes"

PATHS = ("grading", "asv_benchmarks/workloads.py")
"""Paths in this repository that affect marks."""


@cache
def grader_commit() -> str:
    """Return the first 12 digits of the commit, with "+changes" if files of the grader differ.

    Returns:
        The commit; "unknown" if this is neither a clone nor a copy with the file `COMMIT`.
    """
    file = ROOT / COMMIT_FILE
    if file.is_file():
        return file.read_text(encoding="utf-8").strip()[:60]
    try:
        top, commit = _git("rev-parse", "--show-toplevel", "HEAD").split("\n")
        if top != str(ROOT):
            return UNKNOWN
        changed = _git("status", "--porcelain", "--", *PATHS)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return UNKNOWN
    return commit[:12] + CHANGED * bool(changed)


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout.strip()
