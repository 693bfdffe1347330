"""Working trees whose packages are measured: this one, and checkouts of older commits."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


class NoTreeError(LookupError):
    """A commit does not exist, or lacks benchmarks that can be run."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A working tree: its packages and its benchmarks.

    Attributes:
        root: The folder that holds `packages` and `asv_benchmarks`.
        cache: The folder for its compiled kernels.
    """

    root: Path
    cache: Path

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables with which a process runs the code of this tree."""
        sources = [*sorted(self.root.glob("packages/*/src")), self.root]
        return {
            "PYTHONPATH": os.pathsep.join(map(str, sources)),
            "NUMBA_CACHE_DIR": str(self.cache),
        }


@contextlib.contextmanager
def checkout(commit: str, repository: Path = ROOT) -> Iterator[Path]:
    """Provide a commit in a temporary worktree of git for a block.

    The worktree is removed after the block, also after an error or Ctrl-C.

    Raises:
        NoTreeError: The commit does not exist.
    """
    try:
        resolved = _git(
            repository, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}"
        )
    except NoTreeError as error:
        raise NoTreeError(f"there is no commit {commit!r}: {error}") from error
    with tempfile.TemporaryDirectory(prefix="peers-") as folder, contextlib.ExitStack() as stack:
        root = Path(folder, "tree")
        stack.callback(_remove_worktree, repository, root)
        _git(repository, "worktree", "add", "--detach", str(root), resolved)
        yield root


@contextlib.contextmanager
def trees(commit: str, repository: Path = ROOT) -> Iterator[tuple[Tree, Tree]]:
    """Provide the working trees of an older commit and of this repository for a block.

    Each tree has an empty folder for compiled kernels, so that both compile the same kernels.
    Worktree and folders are removed after the block.

    Raises:
        NoTreeError: The commit does not exist, or is older than `asv_benchmarks.peers`.
    """
    with checkout(commit, repository) as root:
        if not (root / "asv_benchmarks" / "peers" / "worker.py").exists():
            raise NoTreeError(f"{commit} has no asv_benchmarks.peers, which measures it")
        yield (
            Tree(root, root.with_name("kernels-before")),
            Tree(repository, root.with_name("kernels-now")),
        )


def _remove_worktree(repository: Path, root: Path) -> None:
    """Remove a worktree, complete or not."""
    shutil.rmtree(root, ignore_errors=True)
    with contextlib.suppress(NoTreeError):
        _git(repository, "worktree", "remove", "--force", "--force", str(root))


def _git(repository: Path, *arguments: str) -> str:
    """Run git and return its output.

    Raises:
        NoTreeError: git failed; the message is git's.
    """
    done = subprocess.run(["git", *arguments], cwd=repository, capture_output=True, text=True)
    if done.returncode:
        raise NoTreeError(done.stderr.strip())
    return done.stdout.strip()
