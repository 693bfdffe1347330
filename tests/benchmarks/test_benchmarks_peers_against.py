"""Comparison of this working tree with an older commit: rounds, ratios, verdicts, exit code."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from asv_benchmarks.peers import against
from asv_benchmarks.peers.against import Change, compare
from asv_benchmarks.peers.measure import Effort
from asv_benchmarks.peers.rows import Row
from asv_benchmarks.peers.terminal import show_changes
from asv_benchmarks.workloads import Workload
from tools.workspace import ROOT

ROW = Row("small", "a small sum", "sums", Workload("", "sum", ((2,),)), {})
EFFORT = Effort(rounds=4, seconds=0.1)


class Process:
    """A process whose wall time is one second longer than its processor time."""

    def __init__(self, seconds: float | None, order: list[tuple[str, int]], name: str) -> None:
        self.seconds = seconds
        self.turns = order
        self.name = name

    def prepare(self, workload: Workload) -> float | None:
        assert workload is ROW.workload
        return self.seconds

    def run(self, calls: int) -> tuple[float, float]:
        assert self.seconds is not None
        self.turns.append((self.name, calls))
        return self.seconds, 1.0 + self.seconds


def compared(before: float | None, now: float | None, threads: int = 1) -> Change:
    return compare(ROW, Process(before, [], "before"), Process(now, [], "now"), threads, EFFORT)


def test_the_trees_take_turns_and_do_the_same_number_of_calls() -> None:
    order: list[tuple[str, int]] = []
    compare(ROW, Process(0.002, order, "before"), Process(0.001, order, "now"), 1, EFFORT)
    # 4 rounds of 0.1 s, in turns of 0.01 s.
    names = ["now", "before", "before", "now"] * 5 * 4
    assert order == [(name, 5) for name in names]


def test_a_turn_is_at_least_one_call() -> None:
    order: list[tuple[str, int]] = []
    compare(ROW, Process(2.0, order, "before"), Process(1.0, order, "now"), 1, EFFORT)
    assert order == [("now", 1), ("before", 1)] * 4


def test_ratios_are_the_older_time_by_the_newer() -> None:
    change = compared(0.03, 0.02)
    assert change.ratios == pytest.approx([1.5] * 4)
    assert (change.before, change.now) == pytest.approx((30.0, 20.0))
    assert (change.median, change.range) == pytest.approx((1.5, 0.0))


def test_wall_time_counts_on_several_threads() -> None:
    assert compared(0.5, 0.25, threads=2).median == pytest.approx(1.5 / 1.25)


@pytest.mark.parametrize(
    ("ratios", "verdict", "fails"),
    [
        ((1.0, 1.0, 1.0), "as fast", False),
        ((0.98, 0.98, 0.98), "as fast", False),
        ((0.97, 0.97, 0.97), "slower", True),
        ((0.95, 0.97, 1.00), "slower", True),  # a range of 0.025
        ((0.90, 0.97, 1.00), "measure again", False),
        ((1.1, 1.2, 1.3), "measure again", False),
    ],
)
def test_the_verdict_depends_on_median_and_range(
    ratios: tuple[float, ...], verdict: str, fails: bool
) -> None:
    change = Change("", "", "", 1.0, 1.0, ratios)
    assert (change.verdict, change.fails) == (verdict, fails)


def test_only_a_new_row_may_be_absent() -> None:
    new, lost = compared(None, 0.01), compared(0.01, None)
    assert (new.before, new.now, new.verdict, new.fails) == (None, 10.0, "absent", False)
    assert (lost.before, lost.now, lost.verdict, lost.fails) == (10.0, None, "absent", True)
    assert Change("", "", "", error="it ended").fails


def test_the_table_names_slower_and_uncertain_rows() -> None:
    changes = [
        Change("good", "a good row", "steps", 2.0, 1.0, (2.0, 2.0, 2.0)),
        Change("bad", "a bad row", "steps", 1.0, 2.0, (0.5, 0.5, 0.5)),
        Change("vague", "a vague row", "steps", 1.0, 1.0, (0.5, 1.0, 1.5)),
        Change("new", "a new row", "steps", None, 1.0),
        Change("broken", "a broken row", "steps", error="its process has ended"),
    ]
    console = Console(width=100, record=True, file=io.StringIO())
    show_changes(changes, "abc", console)
    text = console.export_text()
    assert "a good row      2 ms    1 ms  2.000  0.000  as fast" in text
    assert "slower bad: a bad row" in text
    assert "measure again, the ratios vary too much: vague" in text
    assert "a new row     absent    1 ms" in text
    assert "broken failed: its process has ended" in text


def test_a_comparison_is_written_with_its_ratios(tmp_path: Path) -> None:
    changes = [compared(0.03, 0.02), compared(None, 0.02)]
    file = tmp_path / "new" / "against.json"
    against.write(file, "abc", {"threads": 1}, EFFORT, changes)
    written = json.loads(file.read_text("utf-8"))
    assert written["against"] == "abc"
    first, second = written["rows"]
    assert first["key"] == "small"
    assert first["median"] == pytest.approx(1.5)
    assert first["range"] == pytest.approx(0.0)
    assert len(first["ratios"]) == 4
    assert second["verdict"] == "absent"


def peers(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "asv_benchmarks.peers", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_rows_about_processes_are_not_compared() -> None:
    listed = peers("--against", "HEAD", "--list").stdout.split()
    assert "step-kim-10" in listed
    assert "start-kim-10" not in listed
    wrong = peers("--against", "no-such-commit", "--rows", "add-316")
    assert wrong.returncode == 2
    assert "there is no commit" in wrong.stderr


@pytest.mark.slow
def test_a_commit_is_compared_with_itself(tmp_path: Path) -> None:
    file = tmp_path / "against.json"
    done = peers("--against", "HEAD", "--quick", "--rows", "add-316", "--json", str(file))
    (row,) = json.loads(file.read_text("utf-8"))["rows"]
    assert row["before"] > 0.0 and row["now"] > 0.0, done.stderr
    assert "a + b, 316 × 316" in done.stdout
    assert done.returncode == (row["verdict"] == "slower")
