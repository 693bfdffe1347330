"""Older commits are checked out temporarily and removed completely."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asv_benchmarks.contenders.names import AS_INSTALLED
from asv_benchmarks.peers.measure import Workers
from asv_benchmarks.peers.trees import NoTreeError, Tree, trees
from asv_benchmarks.workloads import Workload

WORKER = """
import json, os, sys
def say(**values):
    print(json.dumps(values), flush=True)
say(versions={"path": os.environ["PYTHONPATH"], "cache": os.environ["NUMBA_CACHE_DIR"],
              "blas": os.environ.get("OPENBLAS_THREAD_TIMEOUT", "not set")})
for line in sys.stdin:
    request = json.loads(line)
    if "prepare" in request:
        say(seconds=0.5)
    else:
        say(cpu=SECONDS, wall=2 * SECONDS)
"""
"""A worker of an artificial tree; `SECONDS` is the processor time that it reports."""


def write_worker(root: Path, seconds: float) -> None:
    folder = root / "asv_benchmarks" / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "worker.py").write_text(WORKER.replace("SECONDS", str(seconds)))
    (root / "packages" / "mt-made-up" / "src").mkdir(parents=True, exist_ok=True)
    (root / "packages" / "mt-made-up" / "src" / "made_up.py").write_text("")


def git(repository: Path, *arguments: str) -> str:
    identity = {f"GIT_{contender}_{kind}": "a@b" for contender in ("AUTHOR", "COMMITTER")
                for kind in ("NAME", "EMAIL")}  # fmt: skip
    done = subprocess.run(
        ["git", *arguments],
        cwd=repository,
        env=os.environ | identity,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a commit without worker, one with a worker of 3 s, and uncommitted 2 s."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "Nothing")
    write_worker(root, 3.0)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "A worker")
    write_worker(root, 2.0)
    return root


def test_each_tree_runs_its_own_code(repository: Path) -> None:
    with trees("HEAD", repository) as (before, now):
        assert now.root == repository
        for tree, seconds in ((before, 3.0), (now, 2.0)):
            workers = Workers(1, tree)
            try:
                worker = workers["tuned"]
                assert worker.prepare(Workload("", "sum", ((2,),))) == 0.5
                assert worker.run(1) == (seconds, 2 * seconds)
                path = worker.versions["path"].split(os.pathsep)
                assert path == [str(tree.root / "packages" / "mt-made-up" / "src"), str(tree.root)]
                assert worker.versions["cache"] == str(tree.cache)
            finally:
                workers.close()
        assert before.cache != now.cache
    assert not before.root.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_only_the_contender_as_installed_lacks_the_settings_of_hatch(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "4")
    workers = Workers(1, Tree(repository, repository / "cache"))
    try:
        values = [workers[name].versions["blas"] for name in ("tuned", AS_INSTALLED)]
    finally:
        workers.close()
    assert values == ["4", "not set"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_removes_the_worktree(repository: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), trees("HEAD", repository) as (before, _):
        raise error
    assert not before.root.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_worktree_that_lost_its_files_is_removed(repository: Path) -> None:
    with trees("HEAD", repository) as (before, _):
        (before.root / ".git").unlink()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


@pytest.mark.parametrize(
    ("commit", "message"),
    [
        ("no-such-commit", "there is no commit 'no-such-commit'"),
        ("--help", "there is no commit '--help'"),
        ("HEAD~1", "HEAD~1 has no asv_benchmarks.peers"),
    ],
)
def test_a_commit_that_cannot_be_measured_is_an_error(
    repository: Path, commit: str, message: str
) -> None:
    with pytest.raises(NoTreeError, match=message), trees(commit, repository):
        pass
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_tree_precedes_installed_packages(tmp_path: Path) -> None:
    source = tmp_path / "packages" / "mt-tensor" / "src" / "mt_tensor"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("print('from the tree')")
    tree = Tree(tmp_path, tmp_path / "cache")
    env = os.environ | tree.variables
    command = [sys.executable, "-c", "import mt_tensor"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "from the tree\n"
