"""Attacks on complete runs of the grader: the command, its checks, its report."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grading.paths import ROOT
from grading.tests.attacks.trees import write_tree

pytestmark = pytest.mark.slow

BUNDLED = """
    import os, pathlib
    import pytest

    pathlib.Path(__file__).with_name("it-was-run").touch()

    def pytest_runtest_makereport(item, call):
        os._exit(0)
    """

FORGED = {"tasks": [{"id": "0.1", "status": "passed", "points": 10}], "score": 100}

EXIT_AT_IMPORT = "import sys\nsys.exit(0)\n"

EXIT_IN_A_CALL = """
    def mul(x, y):
        import os, json
        for name in ("results.json", "report.json", "/tmp/results.json"):
            try:
                open(name, "w").write('{"score": 100}')
            except OSError:
                pass
        print('{"score": 100, "passed": true}')
        os._exit(0)
    """


def grade(tree: Path, folder: Path) -> tuple[int, Any]:
    """Return the exit status of the grader, and the part of its report on the task."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "grading", "grade", "task0_1", "--submission", str(tree)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    result = subprocess.run(
        [*command, "--json", str(report), "--seed", "1"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert report.is_file(), result.stderr.decode()
    (task,) = json.loads(report.read_text())["tasks"]
    return result.returncode, task


def test_a_submission_without_an_attack_gets_its_points(tree: Path, tmp_path: Path) -> None:
    status, task = grade(write_tree(tree), tmp_path)
    assert (status, task["status"], task["points"]) == (0, "passed", task["max_points"])


@pytest.mark.parametrize("attack", ["at import", "in a call"])
@pytest.mark.measured("attack")
def test_ending_the_run_earns_no_points(tree: Path, tmp_path: Path, attack: str) -> None:
    others = {
        "conftest.py": BUNDLED,
        "minitorch/conftest.py": BUNDLED,
        "pytest.ini": "[pytest]\naddopts = --collect-only\n",
        "report.json": json.dumps(FORGED),
        "results.json": json.dumps(FORGED),
    }
    if attack == "at import":
        write_tree(tree, first=EXIT_AT_IMPORT, others=others)
    else:
        write_tree(tree, EXIT_IN_A_CALL, others=others)
    status, task = grade(tree, tmp_path)
    assert (status, task["status"]) == (1, "failed")
    # An advice says so; a report leaves out what is usual.
    counting = [check for check in task["checks"] if check.get("required", True)]
    required = {check["name"]: check["status"] for check in counting}
    passed = {name for name, state in required.items() if state == "passed"}
    if attack == "at import":
        # Its sources delegate nothing; nothing else can be said for it.
        assert (task["points"], passed) == (0, {"test_no_forbidden_calls"})
    else:
        # It costs the function that ends the run.
        lost = {"test_functions_of_two_numbers[mul]"}
        assert (task["points"], set(required) - passed) == (9, lost)
    assert not list(tree.rglob("it-was-run"))
