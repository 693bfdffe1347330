"""The command `hatch run peers`: its options and its exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from asv_benchmarks.peers.results import Table
from tools.workspace import ROOT


def peers(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "asv_benchmarks.peers", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_command_lists_its_rows_and_refuses_what_does_not_exist() -> None:
    listed = peers("--list", "--rows", "matmul-*")
    assert listed.stdout.split()[0] == "matmul-16"
    wrong = peers("--rows", "no-such-row")
    assert wrong.returncode == 2
    assert "--list prints their keys" in wrong.stderr
    wrong = peers("--rivals", "caffe")
    assert wrong.returncode == 2
    assert "tinygrad" in wrong.stderr


@pytest.mark.slow
def test_the_exit_code_says_whether_a_must_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    # Our own loops against BLAS: slower, and nothing has to be reached.
    done = peers("--quick", "--ours", "fast", "--rows", "matmul-512", "--rivals", "numpy",
                 "--json", str(file))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "matmul 512" in done.stdout
    read = Table.read(file)
    assert read.rows[0].comparisons["numpy"].ratio.median < 1.0
    judged = peers("--quick", "--ours", "fast", "--rows", "add-316", "--rivals", "numpy",
                  "--json", str(file))  # fmt: skip
    assert judged.returncode == (1 if Table.read(file).missed else 0)
