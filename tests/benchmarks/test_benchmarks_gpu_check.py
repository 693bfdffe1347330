"""The command `hatch run gpu-check` in the simulator and without a GPU, and its arithmetic."""

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
from asv_benchmarks.gpu_check.programs import ProgramResult
from asv_benchmarks.gpu_check.report import Report
from asv_benchmarks.gpu_check.timing import GOALS, WORKLOADS, Timing
from asv_benchmarks.gpu_check.training import RUNS, TrainingResult
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
    compared = {(one["workload"], one["backend"]) for one in report["comparisons"]}
    assert compared == {(one.name, name) for one in workloads() for name in ("course", "tuned")}
    assert report["timings"] == report["trained"] == report["programs"] == []
    page = (tmp_path / "gpu-check.md").read_text()
    assert "numba's simulator" in page and "All checks passed." in page
    assert "nothing about a GPU" in run.stdout


def test_without_a_gpu_the_command_ends_with_an_error(tmp_path: Path) -> None:
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
def test_every_workload_can_be_measured() -> None:
    run = python("-c", MEASURE, NUMBA_ENABLE_CUDASIM="1")
    assert run.returncode == 0, run.stderr


def test_bytes_and_operations_of_workloads() -> None:
    # 16 Mi numbers in, 16 Mi out: 128 MiB.
    assert timing._bytes_moved(WORKLOADS[0]) == 2 * 4096 * 4096 * 4
    rows = Workload("", "sum", ((10, 20),), {"dim": 1})
    assert timing._bytes_moved(rows) == 4 * (10 * 20 + 10)
    product = Workload("", "matmul", ((2, 3, 4), (2, 4, 5)))
    assert timing._flops(product) == 2 * 2 * 3 * 4 * 5
    images = Workload("", "conv2d", ((2, 3, 5, 7), (4, 3, 2, 2)))
    assert timing._flops(images) == 2 * 2 * 4 * 5 * 7 * 3 * 2 * 2


def test_goals_are_compared_with_timings() -> None:
    timings = [
        Timing("matmul", "tuned", 2.0, None, 0.1),
        Timing("matmul", "torch", 1.5),
        Timing("map", "tuned", 1.0, 0.85),
    ]
    found = {goal.workload: goal.reached for goal in timing.goals(timings)}
    assert found.keys() == GOALS.keys() <= {one.name for one in WORKLOADS}
    assert (found["matmul"], found["map"], found["zip"]) == (0.75, 0.85, None)


def test_an_error_or_a_failed_program_fails_the_check() -> None:
    report = Report(
        CARD,
        Conditions.now(1),
        [RIGHT],
        [ProgramResult("tests", 0, ""), ProgramResult("tool", None, "")],
    )
    report.trained = [TrainingResult("train mnist", 30.0, 0.95, 0.94)]
    assert report.passed
    wrong = [
        replace(RIGHT, error=1e-3),
        replace(RIGHT, error=math.nan),
        replace(RIGHT, exception="KernelError: no"),
    ]
    for each in wrong:
        assert not replace(report, comparisons=[RIGHT, each]).passed
    assert not replace(report, programs=[ProgramResult("tests", 1, "failed")]).passed
    assert not replace(report, trained=[TrainingResult("train mnist", 30.0, 0.93, 0.94)]).passed


def test_an_exception_is_recorded_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> Iterator[Timing]:
        yield Timing("map", "tuned", 1e-6)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(card, "detect", lambda: CARD)
    monkeypatch.setattr(comparison, "compare", lambda: iter([RIGHT]))
    monkeypatch.setattr(steps, "SIMULATED", True)
    monkeypatch.setattr(steps, "train_run", fail_at_once)
    monkeypatch.setattr(timing, "measure", fail)
    report = steps.check(training=True, speed=True)
    assert [result.name for result in report.programs] == [*RUNS, "speed table"]
    assert not report.passed and len(report.timings) == 1
    page = "\n".join(report.markdown())
    assert "| speed table | exit code 1: RuntimeError: out of memory |" in page


def fail_at_once(command: str) -> TrainingResult:
    raise RuntimeError(f"{command} fails")


def test_the_page_shows_all_results(tmp_path: Path) -> None:
    report = Report(CARD, Conditions.now(1), [replace(RIGHT, error=math.nan)])
    report.programs = [
        ProgramResult("tests", 2, ""),
        ProgramResult("compute-sanitizer", None, "is not installed"),
    ]
    report.trained = [TrainingResult("train mnist", 30.0, 0.9539, 0.94)]
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
