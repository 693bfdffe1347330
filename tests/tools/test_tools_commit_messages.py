"""Commit messages are checked in a file and in the history of a temporary repository."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.commit_messages import (
    EXCEPTIONS,
    SUBJECT_LENGTH,
    NoHistoryError,
    check_file,
    check_history,
    exceptions,
    main,
    problems,
    without_comments,
)
from tools.workspace import ROOT

LONG = "tools: " + "x" * (SUBJECT_LENGTH - 6)


@pytest.mark.parametrize(
    ("message", "files"),
    [
        ("tools: check messages", 3),
        ("mt-nn, mt-models: rename a layer", 1),
        (LONG[:-1], 1),
        ("tools: check messages\n\nReviews asked for it.", 40),
        ("fixup! tools: check messages", 1),
    ],
)
def test_a_good_message_has_no_problem(message: str, files: int) -> None:
    assert problems(message, files) == []


@pytest.mark.parametrize(
    ("message", "files", "part"),
    [
        ("check messages", 1, "area"),
        (": check messages", 1, "area"),
        ("tools:check messages", 1, "area"),
        ("", 1, "area"),
        (LONG, 1, "73 characters, 72 are allowed"),
        ("tools: check messages\nand more", 1, "second line"),
        ("tools: check messages", 4, "4 files change and no body says why"),
        ("tools: check messages\n\nSigned-off-by: A B <a@b.c>", 4, "no body"),
    ],
)
def test_a_problem_is_named(message: str, files: int, part: str) -> None:
    (problem,) = problems(message, files)
    assert part in problem


def test_comments_are_not_part_of_a_message() -> None:
    cut = "# ------------------------ >8 ------------------------\ndiff --git a b"
    assert without_comments(f"tools: check\n\nWhy.\n# Please enter\n{cut}") == (
        "tools: check\n\nWhy."
    )


class Repository:
    """A temporary repository of git, whose first commit is `first`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")
        self.accept("tools: none\n")
        self.first = self.commit("everything", 1)

    def git(self, *arguments: str) -> str:
        """Run git without the variables that a hook sets, and return its output."""
        clean = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
        settings = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *settings, *arguments],
            cwd=self.root,
            env=clean,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def stage(self, files: int) -> None:
        """Stage a new version of some files."""
        for number in range(files):
            file = self.root / f"file {number}.txt"
            file.write_text(file.read_text() + "x" if file.exists() else "", "utf-8")
        self.git("add", ".")

    def commit(self, message: str, files: int) -> str:
        """Commit a change of some files, and return its hash."""
        self.stage(files)
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def accept(self, reason: str, *commits: str) -> None:
        """Write the list of exceptions."""
        file = self.root / EXCEPTIONS
        file.parent.mkdir(exist_ok=True)
        names = ", ".join(f'"{commit}"' for commit in commits)
        file.write_text(f"[[exception]]\nreason = {reason!r}\ncommits = [{names}]\n", "utf-8")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    return Repository(tmp_path)


def test_only_commits_after_the_first_are_checked(repository: Repository) -> None:
    repository.commit("tools: change three files", 3)
    assert check_history(repository.root, repository.first) == []
    bad = repository.commit("tools: change four files", 4)
    (line,) = check_history(repository.root, repository.first)
    assert line == (f"{bad[:9]} 'tools: change four files': 4 files change and no body says why")


def test_merges_are_exempt(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "other")
    repository.commit("tools: change a file", 1)
    repository.git("switch", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "--message", "Merge other", "other")
    assert check_history(repository.root, repository.first) == []


def test_exceptions_are_accepted(repository: Repository) -> None:
    bad = repository.commit("no area", 1)
    assert len(check_history(repository.root, repository.first)) == 1
    repository.accept("It was made before the rule.", bad[:9])
    assert check_history(repository.root, repository.first) == []


@pytest.mark.parametrize(
    ("reason", "commit", "part"),
    [(" ", "0123456", "no reason"), ("why", "012345", "no hash"), ("why", "HEAD", "no hash")],
)
def test_an_exception_needs_hash_and_reason(
    repository: Repository, reason: str, commit: str, part: str
) -> None:
    repository.accept(reason, commit)
    with pytest.raises(ValueError, match=part):
        check_history(repository.root, repository.first)


def test_a_shallow_clone_is_not_checked(repository: Repository, tmp_path: Path) -> None:
    repository.commit("no area", 1)
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth", "1", repository.root.as_uri(), str(clone))
    with pytest.raises(NoHistoryError, match="no git history with commit"):
        check_history(clone, repository.first)


def test_an_archive_is_not_checked(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / EXCEPTIONS).write_text("exception = []", "utf-8")
    with pytest.raises(NoHistoryError):
        check_history(tmp_path)


def test_the_hook_counts_staged_files(repository: Repository) -> None:
    file = repository.root / ".git" / "COMMIT_EDITMSG"
    file.write_text("tools: change files\n# Please enter the message.\n", "utf-8")
    repository.stage(3)
    assert check_file(file, repository.root) == []
    repository.stage(4)
    assert len(check_file(file, repository.root)) == 1
    (repository.root / ".git" / "MERGE_HEAD").write_text(repository.first, "utf-8")
    assert check_file(file, repository.root) == []


def test_the_command_checks_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("the command asks git for the staged files")
    file = tmp_path / "message"
    file.write_text("no area", "utf-8")
    assert main(str(file)) == 1
    assert "write `area: what`" in capsys.readouterr().out


def test_the_list_of_this_repository_is_valid() -> None:
    assert all(exceptions(ROOT / EXCEPTIONS).values())
