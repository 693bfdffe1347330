"""`hatch run pytest -m task0_3` runs exactly what `hatch run grade task0_3` counts."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from grading.judge import forbidden_calls
from grading.judge.records import Report, Status, from_json
from grading.paths import ROOT
from grading.tasks.model import Task
from grading.tasks.table import table
from grading.tests.upstream_trees import write_upstream

OPTIONS = ("-m", "pytest", "-c", "pyproject.toml", "-p", "grading.judge.options")
"""The command of the script `pytest` in hatch.toml."""


def python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_hatch_run_loads_the_options_of_pytest() -> None:
    text = (ROOT / "hatch.toml").read_text(encoding="utf-8")
    assert f'pytest = "python {" ".join(OPTIONS)} {{args}}"' in text


def names_in(lines: Sequence[str]) -> list[str]:
    """Return the functions of what pytest lists, each once."""
    found = (re.search(r"::(test_\w+)", line) for line in lines)
    return list(dict.fromkeys(match[1] for match in found if match))


@pytest.mark.parametrize("marker", ["task0_3", "task3_3", "task4_5"])
def test_pytest_collects_what_the_grader_counts(marker: str, tmp_path: Path) -> None:
    # The path after the option is not taken for a path to tests.
    options = ("--collect-only", "-q", "-m", marker, "--submission", str(tmp_path))
    done = python(*OPTIONS, *options, "grading/checks")
    (task,) = table().select([marker])
    counted = [*task.checks.names, forbidden_calls.NAME]
    assert sorted(names_in(done.stdout.splitlines())) == sorted(counted), done.stderr


@pytest.mark.slow
def test_pytest_and_grade_fail_the_same_checks(tmp_path: Path) -> None:
    wrong = ("minitorch/operators.py", "return reduce(mul, 1.0)(ls)", "return 1.0")
    # Without the tests of the learner, which the wrong product fails, too.
    tree = write_upstream(
        tmp_path / "work", "2022", 0, [wrong], without=["tests/test_operators.py"]
    )
    (task,) = table().select(["task0_3"])
    options = ("--submission", str(tree), "--seed", "5")
    # pytest gets the same work as an archive.
    archive = shutil.make_archive(str(tmp_path / "work"), "zip", tree)
    handed_in = ("--submission", archive, "--seed", "5")
    by_pytest = python(*OPTIONS, "-q", "-rf", "-m", task.marker, *handed_in, "grading/checks")
    judged = python(
        "-m", "grading", "grade", task.marker, *options, "--json", str(tmp_path / "report.json")
    )
    assert (by_pytest.returncode, judged.returncode) == (1, 1), by_pytest.stdout + judged.stderr
    failed = names_in([line for line in by_pytest.stdout.splitlines() if "FAILED" in line])
    assert failed == failed_checks(from_json((tmp_path / "report.json").read_bytes()), task)
    assert failed == ["test_prod"]


def failed_checks(report: Report, task: Task) -> list[str]:
    (result,) = report.tasks
    names = [check.name for check in result.checks if check.status is Status.FAILED]
    return [name for name in names if name in task.checks.names]
