"""The table of `hatch run peers`: its rows, its arithmetic, its verdicts."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from asv_benchmarks.conditions import CLEARED, Conditions, environment
from asv_benchmarks.contenders.names import NAMES
from asv_benchmarks.peers.measure import QUICK, Ratio, Timing, Workers, measure, ratio
from asv_benchmarks.peers.processes import ProcessRow, measure_processes, process_rows, run_process
from asv_benchmarks.peers.results import Result, Table, judge
from asv_benchmarks.peers.rows import Row, Target, kernel_rows, rows
from asv_benchmarks.peers.worker import workload_from_json
from asv_benchmarks.workloads import Workload
from tools.workspace import ROOT


def row(**changes: object) -> Row:
    small = Row(
        "small",
        "a small product",
        "products",
        Workload("", "matmul", ((2, 3), (3, 4)), dtype="float32"),
        {"numpy": Target(1.0, 2.0)},
    )
    return replace(small, **changes)  # type: ignore[arg-type]


def test_every_row_has_a_key_of_its_own_and_rivals_that_exist() -> None:
    for threads in (1, 2):
        every: list[Row | ProcessRow] = [*rows(threads), *process_rows("tuned", threads, race=True)]
        assert len({one.key for one in every}) == len(every)
        for one in every:
            limits = (one.limits or {}) if isinstance(one, ProcessRow) else {}
            assert set(one.targets) - set(limits) <= {*NAMES, "linear"}


def test_the_targets_of_the_training_steps() -> None:
    targets = {one.key: one.targets for one in rows(1) if one.key.startswith("step")}
    assert {key: target["torch"].must for key, target in targets.items()} == {
        "step-course-16": 4.0,
        "step-course-128": 2.8,
        "step-lenet5-64": 1.5,
        "step-kim-10": 3.3,
        "step-kim-50": 2.5,
    }
    assert targets["step-kim-10"]["jax"].must == targets["step-kim-50"]["jax"].must == 1.6


@pytest.mark.parametrize(
    ("median", "spread", "least", "verdict"),
    [
        (4.5, 0.1, 4.2, "aim reached"),
        (4.5, 0.1, 3.9, "reached"),  # the smaller of the two counts
        (2.0, 0.1, 2.5, "reached"),
        (1.95, 0.1, 2.5, "within its spread"),
        (1.85, 0.1, 2.5, "missed"),
        (2.5, 0.1, 1.85, "missed"),
    ],
)
def test_verdicts(median: float, spread: float, least: float, verdict: str) -> None:
    assert judge(Ratio(median, spread, least), Target(2.0, 4.0)) == verdict


def test_without_a_must_nothing_is_missed() -> None:
    assert judge(Ratio(0.1, 0.0, 0.1), Target()) == "reported"
    assert judge(Ratio(0.1, 0.0, 0.1), Target(aim=2.0)) == "reported"
    assert judge(Ratio(3.0, 0.0, 3.0), Target(aim=2.0)) == "aim reached"


def test_ratios_are_taken_round_by_round() -> None:
    ours = Timing(cpu=(1.0, 2.0, 4.0), wall=(1.0, 3.0, 5.0))
    theirs = Timing(cpu=(2.0, 4.0, 8.0), wall=(6.0, 4.0, 5.0))
    assert ratio(ours, theirs, threads=1) == Ratio(2.0, 0.0, 4.0)
    # On several threads the clock counts: 6, 4/3 and 1.
    two = ratio(ours, theirs, threads=2)
    assert two.median == pytest.approx(4 / 3)
    assert two.spread == pytest.approx(((6 + 4 / 3) / 2 - (4 / 3 + 1) / 2) / 2)


def test_a_rival_with_fewer_rounds_is_compared_with_those() -> None:
    ours, theirs = Timing((1.0, 9.0), (1.0, 9.0)), Timing((3.0,), (3.0,))
    assert ratio(ours, theirs, threads=1) == Ratio(3.0, 0.0, 3.0)


def test_a_result_says_who_was_absent_and_what_was_missed() -> None:
    timings = {
        "tuned": Timing((2e-3,), (2e-3,)),
        "numpy": Timing((1e-3,), (1e-3,)),
    }
    targets = {"numpy": Target(1.0), "torch": Target(1.0)}
    result = Result.of(row(targets=targets), "tuned", timings, threads=1)
    assert result.absent == ("torch",)
    assert result.missed == ["numpy"]
    assert result.times["tuned"].cpu == pytest.approx(2.0)  # milliseconds


@pytest.mark.parametrize(("threads", "counted"), [(1, 2.0), (2, 3.0)])
def test_the_clock_counts_on_several_threads(threads: int, counted: float) -> None:
    result = Result.of(row(), "tuned", {"tuned": Timing((2e-3,), (3e-3,))}, threads)
    assert result.times["tuned"].counted == pytest.approx(counted)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    timings = {"tuned": Timing((1.0, 2.0), (1.0, 2.0)), "numpy": Timing((3.0, 5.0), (3.0, 5.0))}
    result = Result.of(row(), "tuned", timings, threads=1)
    table = Table({"threads": 1}, {"numpy": "2"}, {"rounds": 2}, (result,), 0.5, ("a note",))
    table.write(tmp_path / "new" / "table.json")
    assert Table.read(tmp_path / "new" / "table.json") == table


def test_conditions_name_neither_the_machine_nor_its_paths() -> None:
    told = json.dumps(Conditions.now(1).to_json())
    assert str(ROOT) not in told
    assert "/" not in told


def test_a_benchmark_has_its_own_environment() -> None:
    base = {"PATH": "p", CLEARED[0]: "x", "OMP_NUM_THREADS": "64"}
    env = environment(2, base)
    assert CLEARED[0] not in env
    assert env["OMP_NUM_THREADS"] == env["NUMBA_NUM_THREADS"] == "2"
    assert env["PATH"] == "p"
    assert base["OMP_NUM_THREADS"] == "64"


@pytest.mark.parametrize("one", kernel_rows(), ids=lambda one: one.key)
def test_a_workload_survives_the_way_to_its_process(one: Row) -> None:
    assert (
        workload_from_json(json.loads(json.dumps(asdict(one.workload)))).inputs()[0].shape
        == (one.workload.shapes[0])
    )


def test_contenders_are_measured_in_processes_of_their_own() -> None:
    workers = Workers(threads=1)
    try:
        timings = measure(row(), ["numpy", "torch-compile"], workers, QUICK)
        # It knows training steps only, or is not installed here.
        assert set(timings) == {"numpy"}
        assert len(timings["numpy"].cpu) == QUICK.rounds
        large = row(workload=Workload("", "matmul", ((300, 300), (300, 300)), dtype="float32"))
        longer = measure(large, ["numpy"], workers, QUICK)
        assert 0.0 < min(timings["numpy"].wall) < min(longer["numpy"].wall)
        assert "numpy" in workers.versions()
    finally:
        workers.close()


def test_processes_are_measured_and_what_they_print_is_kept() -> None:
    sleeping = ProcessRow(
        "sleep",
        "",
        "",
        "wall",
        {"tuned": ("-c", "import time; time.sleep(0.3); print('slept')")},
        {"limit": Target(1.0)},
        limits={"limit": 10.0},
        rounds=1,
    )
    timings, notes = measure_processes(sleeping, threads=1, rounds=1)
    # It sleeps at least as long as it was asked to, and a sleep is no work.
    assert timings["tuned"].wall[0] >= 0.3
    seen = run_process(sleeping.commands["tuned"], threads=1)
    assert seen.wall >= seen.cpu + 0.3
    assert timings["limit"].cpu == (10.0,)
    assert notes == ["sleep, tuned: slept"]
    hungry = replace(
        sleeping, quantity="memory", commands={"tuned": ("-c", "bytearray(300 * 2**20)")}
    )
    ballast = bytearray(800 * 2**20)
    timings, _ = measure_processes(hungry, threads=1, rounds=1)
    assert len(ballast) > 0
    assert 300.0 < timings["tuned"].cpu[0] < 400.0, "what this process holds does not count"


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
