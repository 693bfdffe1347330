"""A class of right solutions, mistakes and broken archives is killed and resumed."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grading.batch.command import TABLE
from grading.batch.find import find_submissions
from grading.paths import ROOT
from grading.tests.large_class.__main__ import differences
from grading.tests.large_class.class_folder import write_class
from grading.tests.waiting import LONGEST

SIZE = 4


def command(folder: Path, results: Path) -> list[str]:
    options = ["--batch", str(folder / "submissions"), "--out", str(results), "--seed", "5"]
    options += ["--no-speed", "--jobs", "1"]
    return [sys.executable, "-m", "grading", "grade", "task0_1", *options]


def rows(results: Path) -> list[dict[str, str]]:
    """Return the table without the columns that measure time."""
    with (results / TABLE).open(encoding="utf-8-sig", newline="") as file:
        found = [*csv.DictReader(file)]
    for row in found:
        del row["seconds"], row["created"]
    return found


def test_the_class_has_the_requested_size(tmp_path: Path) -> None:
    write_class(tmp_path / "class", 12, tasks=("0.1",))
    with (tmp_path / "class" / "expected.csv").open(encoding="utf-8") as file:
        expected = [row["expected"] for row in csv.DictReader(file)]
    found = find_submissions(tmp_path / "class" / "submissions")
    assert [each.name for each in found] == [f"learner{n:03}" for n in range(1, 13)]
    assert {expected.count("refused"), expected.count("right"), expected.count("0.1")} == {1, 4, 7}


@pytest.mark.slow
def test_a_killed_class_resumes_with_the_same_results(tmp_path: Path) -> None:
    course = tmp_path / "class"
    write_class(course, SIZE, tasks=("0.1",))
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    done = subprocess.run(command(course, whole), cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert differences(course, whole)[1] == []
    process = subprocess.Popen(
        command(course, resumed), cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + LONGEST
    while len(list(resumed.glob("*/grade.json"))) < SIZE // 2:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in resumed.glob("*/grade.json")}
    assert len(before) < SIZE
    assert not (resumed / TABLE).exists()
    assert subprocess.run(command(course, resumed), cwd=ROOT, check=False).returncode == 1
    assert rows(resumed) == rows(whole)
    # What was graded before is not graded again.
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
