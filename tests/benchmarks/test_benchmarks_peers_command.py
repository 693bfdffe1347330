"""The command `hatch run peers`: its options and its exit code."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from asv_benchmarks.peers.__main__ import _is_same
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


def test_rows_are_kept_if_this_commit_measured_them_in_the_same_way() -> None:
    now = Table({"commit": "abc+", "kind": "k", "threads": 1, "python": "3"}, {}, {"rounds": 2}, ())
    assert _is_same(replace(now, conditions={**now.conditions, "commit": "abc"}), now)
    for other in ({"commit": "abd"}, {"kind": "l"}, {"threads": 2}, {"python": "4"}):
        assert not _is_same(replace(now, conditions={**now.conditions, **other}), now)
    assert not _is_same(replace(now, effort={"rounds": 3}), now)


@pytest.mark.slow
def test_an_interrupted_table_continues(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    arguments = ("--quick", "--ours", "fast", "--rivals", "numpy", "--json", str(file))
    first = peers(*arguments, "--rows", "matmul-16")
    kept = Table.read(file)
    second = peers(*arguments, "--rows", "matmul-16,relu-316", "--resume")
    assert "kept: 1 rows" in second.stdout, first.stderr + second.stderr
    both = Table.read(file)
    assert [row.key for row in both.rows] == ["matmul-16", "relu-316"]
    assert both.rows[0] == kept.rows[0]


@pytest.mark.slow
def test_the_exit_code_is_1_if_a_required_ratio_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    # Our loops are slower than BLAS. Some kinds of processors require a ratio of this row.
    done = peers("--quick", "--ours", "fast", "--rows", "matmul-512", "--rivals", "numpy",
                 "--json", str(file))  # fmt: skip
    assert "matmul 512" in done.stdout
    read = Table.read(file)
    assert done.returncode == (1 if read.missed else 0), done.stderr
    assert read.rows[0].comparisons["numpy"].ratio.median < 1.0
    judged = peers("--quick", "--ours", "fast", "--rows", "add-316", "--rivals", "numpy",
                  "--json", str(file))  # fmt: skip
    assert judged.returncode == (1 if Table.read(file).missed else 0)
