"""The worker's files contain no expected results and import nothing else of the grader."""

import subprocess
import sys
from pathlib import Path

import pytest

from grading.isolation.worker_files import (
    RANK_FILES,
    WORKER_FILES,
    copy_worker_files,
    rank_files,
    simulation,
)
from grading.paths import ROOT
from tools.import_graph import imports_of

GRADING = ROOT / "grading"


def test_a_worker_gets_protocol_driver_and_worker_code() -> None:
    assert set(WORKER_FILES) == {"__init__.py", "protocol", "driver", "worker"}


def test_no_file_of_a_worker_imports_the_oracles() -> None:
    """The worker's files import only each other: no oracle, no check, no table of tasks."""
    files = [file for name in WORKER_FILES for file in (GRADING / name).rglob("*.py")]
    assert len(files) > 25
    # Only the copies of both simulators lie beside them.
    allowed = tuple(f"grading.{name}." for name in (*WORKER_FILES, "simulation", "ranks"))
    wrong = [
        str(each)
        for file in files
        for each in imports_of(file)
        if each.top == "grading" and not f"{each.module}.".startswith(allowed)
    ]
    assert wrong == []


def test_the_copy_holds_these_files_and_the_simulators(tmp_path: Path) -> None:
    copy_worker_files(tmp_path)
    names = {path.name for path in (tmp_path / "grading").iterdir()}
    assert names == {*WORKER_FILES, "simulation", "ranks"}
    assert (tmp_path / "grading" / "simulation" / "races.py").is_file()
    ranks = {path.name for path in (tmp_path / "grading" / "ranks").iterdir()}
    assert ranks == {"__init__.py", *RANK_FILES}
    assert not list(tmp_path.rglob("*.pyc"))


def test_the_simulators_are_found_without_importing_their_packages() -> None:
    """In a learner's tree the packages are the learner's code, which the judge never imports."""
    program = (
        "import sys\n"
        "from grading.isolation.worker_files import rank_files, simulation\n"
        "assert (len(simulation()), len(rank_files())) == (1, 4)\n"
        "assert not [name for name in sys.modules if name.startswith('mt_')]\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_without_the_package_there_is_no_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.isolation.worker_files.find_spec", lambda name: None)
    assert simulation() == rank_files() == ()
