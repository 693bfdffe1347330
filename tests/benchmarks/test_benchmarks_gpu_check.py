"""`hatch run gpu-check`: in the simulator, without a GPU, and its arithmetic."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asv_benchmarks.conditions import Conditions
from asv_benchmarks.gpu_check import card, comparison, steps, timing
from asv_benchmarks.gpu_check.card import Card
from asv_benchmarks.gpu_check.comparison import Comparison, workloads
from asv_benchmarks.gpu_check.programs import Ran
from asv_benchmarks.gpu_check.report import Report
from asv_benchmarks.gpu_check.timing import GOALS, WORKLOADS, Timing
from asv_benchmarks.gpu_check.training import RUNS, Trained
from asv_benchmarks.workloads import Workload
from tools.workspace import ROOT

CARD = Card("a card", "9.0", 100, 50e12, 2e12, {"numba": "0.68.1"})
RIGHT = Comparison("map", "course", 1e-12, 1e-10)


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_ENABLE")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_command_works_in_the_simulator(tmp_path: Path) -> None:
    run = python("-m", "asv_benchmarks.gpu_check", "--simulate", "--output", str(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads((tmp_path / "gpu-check.json").read_text())
    compared = {(one["what"], one["backend"]) for one in report["comparisons"]}
    assert compared == {(one.name, name) for one in workloads() for name in ("course", "tuned")}
    assert report["timings"] == report["trained"] == report["programs"] == []
    page = (tmp_path / "gpu-check.md").read_text()
    assert "numba's simulator" in page and "Everything is right." in page
    assert "nothing about a GPU" in run.stdout


def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    run = python(
        *("-m", "asv_benchmarks.gpu_check", "--output", str(tmp_path)), NUMBA_DISABLE_CUDA="1"
    )
    assert run.returncode == 3, run.stderr
    assert "no usable GPU" in run.stdout and "--simulate" in run.stdout
    assert len(run.stdout.splitlines()) <= 8
    assert list(tmp_path.iterdir()) == []


MEASURE = """
from dataclasses import replace
from asv_benchmarks.gpu_check import timing
from tests.benchmarks.test_benchmarks_gpu_check import CARD
tiny = {4096: 9, 2048: 6, 64: 2, 50: 2, 52: 5, 100: 3, 28: 8, 8: 2}
timing.WORKLOADS = tuple(
    replace(one, shapes=tuple(tuple(tiny.get(n, n) for n in shape) for shape in one.shapes))
    for one in timing.WORKLOADS if one.operation != "train_step"
)
timing.ROUNDS, timing.SECONDS = 1, 1e-9
found = list(timing.measure(CARD))
assert {one.contender for one in found} == {"course", "tuned", "processor"}
assert {one.workload for one in found} == {one.name for one in timing.WORKLOADS}
assert all(one.seconds > 0 for one in found)
shares = {one.workload for one in found if one.bandwidth is not None or one.flops is not None}
assert shares == {one.name for one in timing.WORKLOADS if "pool" not in one.name}
"""


@pytest.mark.slow
def test_everything_can_be_measured() -> None:
    run = python("-c", MEASURE, NUMBA_ENABLE_CUDASIM="1")
    assert run.returncode == 0, run.stderr


def test_shares_of_the_card() -> None:
    # 16 Mi numbers in, 16 Mi out: 128 MiB.
    assert timing._moved(WORKLOADS[0]) == 2 * 4096 * 4096 * 4
    rows = Workload("", "sum", ((10, 20),), {"dim": 1})
    assert timing._moved(rows) == 4 * (10 * 20 + 10)
    product = Workload("", "matmul", ((2, 3, 4), (2, 4, 5)))
    assert timing._sums(product) == 2 * 2 * 3 * 4 * 5
    images = Workload("", "conv2d", ((2, 3, 5, 7), (4, 3, 2, 2)))
    assert timing._sums(images) == 2 * 2 * 4 * 5 * 7 * 3 * 2 * 2


def test_goals() -> None:
    timings = [
        Timing("matmul", "tuned", 2.0, None, 0.1),
        Timing("matmul", "torch", 1.5),
        Timing("map", "tuned", 1.0, 0.85),
    ]
    found = {goal.workload: goal.reached for goal in timing.goals(timings)}
    assert found.keys() == GOALS.keys() <= {one.name for one in WORKLOADS}
    assert (found["matmul"], found["map"], found["zip"]) == (0.75, 0.85, None)


def test_what_is_wrong_fails() -> None:
    report = Report(CARD, Conditions.now(1), [RIGHT], [Ran("tests", 0, ""), Ran("tool", None, "")])
    report.trained = [Trained("train mnist", 30.0, 0.95, 0.94)]
    assert report.passed
    wrong = [
        replace(RIGHT, error=1e-3),
        replace(RIGHT, error=math.nan),
        replace(RIGHT, trouble="KernelError: no"),
    ]
    for each in wrong:
        assert not replace(report, comparisons=[RIGHT, each]).passed
    assert not replace(report, programs=[Ran("tests", 1, "failed")]).passed
    assert not replace(report, trained=[Trained("train mnist", 30.0, 0.93, 0.94)]).passed


def test_what_fails_in_the_middle_is_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> Iterator[Timing]:
        yield Timing("map", "tuned", 1e-6)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(card, "present", lambda: CARD)
    monkeypatch.setattr(comparison, "compare", lambda: iter([RIGHT]))
    monkeypatch.setattr(steps, "SIMULATED", True)
    monkeypatch.setattr(steps, "learn", fail_at_once)
    monkeypatch.setattr(timing, "measure", fail)
    report = steps.check(training=True, speed=True)
    assert [ran.name for ran in report.programs] == [*RUNS, "speed table"]
    assert not report.passed and len(report.timings) == 1
    page = "\n".join(report.markdown())
    assert "| speed table | exit code 1: RuntimeError: out of memory |" in page


def fail_at_once(command: str) -> Trained:
    raise RuntimeError(f"{command} fails")


def test_the_page_has_everything(tmp_path: Path) -> None:
    report = Report(CARD, Conditions.now(1), [replace(RIGHT, error=math.nan)])
    report.programs = [Ran("tests", 2, ""), Ran("compute-sanitizer", None, "is not installed")]
    report.trained = [Trained("train mnist", 30.0, 0.9539, 0.94)]
    report.timings = [Timing("matmul", "tuned", 1.5e-6, None, 0.625)]
    report.goals = timing.goals(report.timings)
    report.write(tmp_path)
    page = (tmp_path / "gpu-check.md").read_text()
    for row in (
        "50.0 TFLOP/s, 2000 GB/s",
        "| map | course | nan ✗ | 1e-10 |",
        "| tests | exit code 2 |",
        "| compute-sanitizer | is not installed |",
        "| train mnist | 95.39% | 94% | 30 |",
        "| matmul | tuned | 1.5 µs |  | 62% |",
        "| matmul | torch | 50% |  |",
    ):
        assert row in page, row
