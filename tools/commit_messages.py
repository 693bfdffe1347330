"""Check of commit messages: `area: what`, at most 72 characters, a body for larger commits.

- The subject names an area and then says what the commit does: ``tools: check commit messages``.
- It has at most `SUBJECT_LENGTH` characters.
- An empty line follows it.
- A body says why if the commit changes more than `FILES_WITHOUT_BODY` files.

Merge commits are exempt. `EXCEPTIONS` lists other commits that are accepted, with the reason.

Run ``python -m tools.commit_messages`` to check the commits after `FIRST`; `hatch run lint` does.
Where the history lacks that commit, as in a shallow clone or an archive, nothing is checked. Run
``python -m tools.commit_messages FILE`` to check the message in a file; the commit-msg hook does,
which `hatch run hooks` installs. The exit code is 1 if a message breaks a rule.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.workspace import ROOT

FIRST = "0270e5e"
"""The last commit before the rules: older messages are not checked."""

SUBJECT_LENGTH = 72
"""Most characters of a subject. Git cuts longer ones in its one-line lists."""

FILES_WITHOUT_BODY = 3
"""Most files of a commit that needs no body. A renamed file counts once."""

EXCEPTIONS = Path("tools") / "commit_exceptions.toml"
"""The list of accepted commits, below the root of the repository."""

SUBJECT = re.compile(r"\w[^:]*: \S")
TRAILER = re.compile(r"[A-Z][\w-]*-[Bb]y: ")
CUT = re.compile(r"^# -+ >8 -+$.*", re.MULTILINE | re.DOTALL)
"""The line from which on git drops the text of an edited message (``git commit --verbose``)."""

COMMIT, PART = "\x1e", "\x1f"
"""Separators in the output of git; messages contain neither."""


class NoHistoryError(RuntimeError):
    """There is no git history with `FIRST`; the message says so in a sentence."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the history.

    Attributes:
        name: The hash, 40 hexadecimal digits.
        message: The whole message.
        files: The number of changed files.
    """

    name: str
    message: str
    files: int

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.strip().partition("\n")[0]


def problems(message: str, files: int) -> list[str]:
    """Return a sentence for each rule that a message breaks.

    Args:
        message: The message, without comment lines.
        files: The number of files that the commit changes.

    >>> problems("tools: check commit messages", 3)
    []
    >>> problems("check commit messages", 1)
    ['the subject names no area: write `area: what`']
    """
    subject, *rest = message.strip().splitlines() or [""]
    found: list[str] = []
    if not SUBJECT.match(subject):
        found.append("the subject names no area: write `area: what`")
    # `git revert` quotes the whole subject of the other commit.
    if len(subject) > SUBJECT_LENGTH and not subject.startswith('Revert "'):
        found.append(f"the subject has {len(subject)} characters, {SUBJECT_LENGTH} are allowed")
    if rest and rest[0].strip():
        found.append("the second line is not empty: separate subject and body")
    body = [line for line in rest if line.strip() and not TRAILER.match(line)]
    if files > FILES_WITHOUT_BODY and not body:
        found.append(f"{files} files change and no body says why")
    return found


def without_comments(message: str) -> str:
    """Return an edited message as git will store it: without lines that begin with ``#``."""
    lines = CUT.sub("", message).splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def exceptions(file: Path) -> dict[str, str]:
    """Return the reason of each accepted commit by its hash, which may be abbreviated.

    Raises:
        ValueError: A group of commits has no reason, or a hash has fewer than 7 digits.
    """
    reasons: dict[str, str] = {}
    for group in tomllib.loads(file.read_text("utf-8"))["exception"]:
        if not group.get("reason", "").strip():
            raise ValueError(f"{file.name}: a group of commits has no reason")
        for name in group["commits"]:
            if not re.fullmatch("[0-9a-f]{7,40}", name):
                raise ValueError(f"{file.name}: {name!r} is no hash of 7 to 40 digits")
            reasons[name] = group["reason"]
    return reasons


def history(root: Path, first: str = FIRST) -> Iterator[Commit]:
    """Yield the commits after `first`, merge commits left out, the latest one first.

    Raises:
        NoHistoryError: There is no git, no repository, or no such commit before the present one.
    """
    try:
        _git(root, "merge-base", "--is-ancestor", first, "HEAD")
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoHistoryError(f"there is no git history with commit {first}") from error
    layout = f"--format={COMMIT}%H{PART}%B{PART}"
    log = _git(root, "log", "--no-merges", "--name-only", layout, f"{first}..HEAD")
    for entry in log.split(COMMIT)[1:]:
        name, message, files = entry.split(PART)
        yield Commit(name, message, sum(map(bool, files.splitlines())))


def check_history(root: Path = ROOT, first: str = FIRST) -> list[str]:
    """Return a line for each problem of the commits after `first` that are no exceptions.

    Raises:
        NoHistoryError: There is no git history with `first`.
        ValueError: The list of exceptions is not valid.
    """
    accepted = tuple(exceptions(root / EXCEPTIONS))
    return [
        f"{commit.name[:9]} {commit.subject!r}: {problem}"
        for commit in history(root, first)
        if not commit.name.startswith(accepted)
        for problem in problems(commit.message, commit.files)
    ]


def check_file(file: Path, root: Path = ROOT) -> list[str]:
    """Return the problems of a message that git is about to store, none during a merge.

    An amended commit is judged by the files that are staged now; `check_history` judges all.
    """
    git_folder = Path(_git(root, "rev-parse", "--absolute-git-dir").strip())
    if (git_folder / "MERGE_HEAD").exists():
        return []
    staged = _git(root, "diff", "--cached", "--name-only").splitlines()
    return problems(without_comments(file.read_text("utf-8")), len(staged))


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, encoding="utf-8", check=True
    )
    return done.stdout


def main(file: str | None = None) -> int:
    """Print the problems of the history, or of the message in a file.

    Returns:
        1 if there is a problem, else 0.
    """
    try:
        found = check_history() if file is None else check_file(Path(file))
    except NoHistoryError as error:
        print(f"commit messages: not checked, because {error}")
        return 0
    for line in found:
        print(line)
    if found:
        print(f"CONTRIBUTING.md states the rules; {EXCEPTIONS.as_posix()} lists exceptions")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
