"""Every level of isolation that works here runs a submission, and lists what it cannot prevent."""

from pathlib import Path

import numpy as np
import pytest

from grading.isolation import IsolatedSubject, IsolationError, Limits, levels
from grading.isolation.bubblewrap import Bubblewrap
from grading.isolation.launch import Level
from grading.isolation.levels import Found, best_level, candidates, find, try_level
from grading.isolation.namespaces import Namespaces
from grading.isolation.plain import Plain
from grading.judge.ahead import reference_kernels
from grading.tests.attacks.exam import HONEST, OTHERS, sit
from grading.tests.attacks.trees import write_tree

NO_TIME = Limits(start_seconds=0.0)


def name_of(level: Level) -> str:
    return f"{type(level).__name__}{'-own-user' if getattr(level, 'own_user', False) else ''}"


def require(level: Level) -> None:
    """Skip the test if a level does not work here."""
    failure = try_level(level)
    if failure is not None:
        pytest.skip(f"{level.name} does not work here: {failure.splitlines()[0]}")


@pytest.mark.slow
@pytest.mark.parametrize("level", [*candidates(), Plain(own_user=False)], ids=name_of)
def test_every_level_runs_and_restarts(
    level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(level)
    monkeypatch.setattr("grading.isolation.subject.best_level", lambda isolation: level)
    assert sit(write_tree(tmp_path / "honest")).passed == HONEST
    ends = "def mul(x, y):\n    import os; os._exit(3)\n"
    result = sit(write_tree(tmp_path / "ends", ends))
    assert result.passed == OTHERS
    assert result.mul.message == "the worker ended: it ended with status 3"


@pytest.mark.slow
@pytest.mark.parametrize("level", [*candidates(), Plain(own_user=False)], ids=name_of)
def test_errors_name_files_of_the_submission_at_every_level(
    level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(level)
    monkeypatch.setattr("grading.isolation.subject.best_level", lambda isolation: level)
    tree = write_tree(tmp_path, "def mul(x, y): raise ValueError(__file__)\n")
    assert sit(tree, checks=["mul"]).mul.message == "minitorch/operators.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    "level", [level for level in candidates() if not isinstance(level, Plain)], ids=name_of
)
def test_kernels_of_trusted_code_outlive_its_workers(
    level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(level)
    monkeypatch.setattr("grading.isolation.subject.best_level", lambda isolation: level)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "caches"))
    kernels = reference_kernels()
    assert kernels is not None
    # Returns the number of kernels in the folder, and adds one.
    count = (
        "def mul(x, y):\n"
        "    import os, pathlib, uuid\n"
        "    folder = pathlib.Path(os.environ['NUMBA_CACHE_DIR'], 'mt_kernels_cpu')\n"
        "    if not folder.is_dir():\n"
        "        return -1.0\n"
        "    (folder / uuid.uuid4().hex).write_text('')\n"
        "    return len(list(folder.iterdir())) - 1.0\n"
    )
    tree = write_tree(tmp_path / "tree", count)
    for folder, found in ((kernels, 0.0), (kernels, 1.0), (None, -1.0)):
        with IsolatedSubject(tree, kernels=folder) as subject:
            (array,) = subject.call(
                "operators.each", [np.ones(1), np.ones(1)], {"formula": "mul"}
            ).arrays
            assert array.tolist() == [found]
    assert len(list((kernels / "mt_kernels_cpu").iterdir())) == 2


def test_a_folder_of_kernels_that_others_can_enter_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = reference_kernels()
    assert folder is not None
    assert folder == reference_kernels()
    folder.parent.chmod(0o755)
    assert reference_kernels() is None
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(write_tree(tmp_path) / "minitorch/operators.py"))
    assert reference_kernels() is None


def test_an_error_of_the_trial_does_not_exclude_a_level() -> None:
    """The empty submission can be entered by every user, as a copy of a submission can."""
    assert [failure for failure in find().failures if "'/submission'" in failure] == []


def test_a_sandbox_has_everything_that_a_process_has() -> None:
    sandbox, process = Namespaces(own_user=True), Plain(own_user=False)
    assert sandbox.undefended == ()
    assert "reach the network" in str(process)
    assert str(Bubblewrap(own_user=True)) == "isolation level: sandbox (bubblewrap)"


def test_a_required_level_that_is_missing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Found(Plain(own_user=False), ("sandbox (namespaces): not permitted",))
    monkeypatch.setattr(levels, "find", lambda: found)
    assert best_level("best") is found.level
    with pytest.raises(IsolationError, match=r"install bubblewrap.*\n- .*not permitted"):
        IsolatedSubject(write_tree(tmp_path), isolation="required")


def test_without_isolation_there_is_a_process_with_limits() -> None:
    assert isinstance(best_level("none"), Plain)


def test_the_levels_are_tried_once() -> None:
    assert find() is find()


def test_a_worker_that_does_not_start_is_a_harness_error(tmp_path: Path) -> None:
    with (
        IsolatedSubject(write_tree(tmp_path), limits=NO_TIME) as subject,
        pytest.raises(IsolationError, match="did not start"),
    ):
        subject.call("operators.each", [], {"formula": "neg"})


def test_no_processes_and_files_remain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert sit(write_tree(tmp_path / "submission")).passed == HONEST
    assert list(folder.iterdir()) == []
