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


def test_the_command_lists_rows_and_rejects_unknown_names() -> None:
    listed = peers("--list", "--rows", "matmul-*")
    assert listed.stdout.split()[0] == "matmul-16"
    wrong = peers("--rows", "no-such-row")
    assert wrong.returncode == 2
    assert "--list prints the keys" in wrong.stderr
    wrong = peers("--rivals", "caffe")
    assert wrong.returncode == 2
    assert "tinygrad" in wrong.stderr


def test_the_old_name_of_an_option_is_accepted_with_a_warning() -> None:
    listed = peers("--list", "--race", "--rows", "time-*")
    assert listed.stdout.split()[0] == "time-to-accuracy"
    assert "--race is now --time-to-accuracy" in listed.stderr


@pytest.mark.slow
def test_the_exit_code_is_1_if_a_required_ratio_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    # Our loops are slower than BLAS, and this row requires no ratio.
    done = peers("--quick", "--ours", "fast", "--rows", "matmul-512", "--rivals", "numpy",
                 "--json", str(file))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "matmul 512" in done.stdout
    read = Table.read(file)
    assert read.rows[0].comparisons["numpy"].ratio.median < 1.0
    judged = peers("--quick", "--ours", "fast", "--rows", "add-316", "--rivals", "numpy",
                  "--json", str(file))  # fmt: skip
    assert judged.returncode == (1 if Table.read(file).missed else 0)
