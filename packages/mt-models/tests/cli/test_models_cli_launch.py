"""The option --ranks where there is no MPI, and the division of the cores."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mt_models.cli import launch, main
from mt_models.cli.cores import THREADS, share_cores


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    original = importlib.util.find_spec

    def find(module: str, *others: Any) -> Any:
        return None if module == name else original(module, *others)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.delenv("HATCH_ENV_ACTIVE", raising=False)


def test_without_mpi4py_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "mpi4py")
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/mpiexec")
    monkeypatch.setattr(sys, "argv", ["minitorch", "train", "mnist", "--ranks", "2"])
    result = CliRunner().invoke(main, ["train", "mnist", "--ranks", "2"])
    assert result.exit_code == 2
    assert "--ranks 2 needs the package mpi4py, and this environment has none" in result.output
    assert 'pip install "mt-models[mpi]"' in result.output


def test_without_mpiexec_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "mpi4py")
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(sys, "executable", "/no/python")
    result = CliRunner().invoke(main, ["train", "points", "--ranks", "3"])
    assert result.exit_code == 2
    assert "the package mpi4py and the program mpiexec of an MPI library" in result.output


def test_windows_has_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr("select.poll")  # Windows has none.
    monkeypatch.delenv("HATCH_ENV_ACTIVE", raising=False)
    result = CliRunner().invoke(main, ["train", "points", "--ranks", "3"])
    assert result.exit_code == 2
    assert "use WSL" in result.output


def test_in_a_checkout_the_environment_of_mpi_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "mpi4py")
    monkeypatch.setenv("HATCH_ENV_ACTIVE", "default")
    monkeypatch.setattr(sys, "argv", ["x", "train", "mnist", "--ranks", "2", "--epochs", "1"])
    started: list[list[str]] = []

    def execute(path: str, words: list[str]) -> None:
        started.append(words[1:])
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execute)
    CliRunner().invoke(main, ["train", "mnist", "--ranks", "2", "--epochs", "1"])
    expected = ["-m", "hatch", "run", "mpi:train", "mnist", "--epochs", "1", "--ranks", "2"]
    assert started == [expected]


def test_the_command_of_the_launcher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("python", "mpiexec"):
        (tmp_path / name).touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    for script, program in (
        ("/a/mt_models/__main__.py", ["-m", "mt_models"]),
        ("/b/mt", ["/b/mt"]),
    ):
        monkeypatch.setattr(sys, "argv", [script])
        words = launch.command(2, ["train", "mnist"])
        launcher = [str(tmp_path / "mpiexec"), "-n", "2", str(tmp_path / "python")]
        assert words == [*launcher, *program, "train", "mnist"]


def test_ranks_of_a_launcher_are_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "4")
    result = CliRunner().invoke(main, ["train", "points", "--ranks", "2"])
    assert result.exit_code == 2
    assert "--ranks is 2, and an MPI launcher has started 4 processes" in result.output


def test_started_by_a_launcher_without_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    result = CliRunner().invoke(main, ["train", "points"])
    assert result.exit_code == 1
    assert "several processes need the package mpi4py, which is not installed" in result.output


def test_one_rank_is_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["train", "points", "--n", "5", "--batch-size", "5", "--epochs", "1", "--ranks", "1"]
    result = CliRunner().invoke(main, [*words, "--backend", "reference"])
    assert result.exit_code == 0, result.output
    assert "ranks" not in result.output


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the affinity of Linux")
def test_cores_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    for environment, ranks_here, expected in (
        ({"MPI_LOCALNRANKS": "4", "PMI_SIZE": "16"}, None, "2"),
        ({"PMI_SIZE": "3"}, None, "2"),
        ({}, 16, "1"),
    ):
        share_cores(environment, ranks_here)
        assert [environment[name] for name in THREADS] == [expected] * 3
    nothing: dict[str, str] = {}
    share_cores(nothing)
    assert nothing == {}
