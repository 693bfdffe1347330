"""Arithmetic and verdicts of the table of `hatch run peers`."""

from dataclasses import replace
from pathlib import Path

import pytest

from asv_benchmarks.contenders.names import BEST
from asv_benchmarks.peers.measure import Ratio, Timing
from asv_benchmarks.peers.results import Result, Table, judge
from asv_benchmarks.peers.roofline import Cost, Limits
from asv_benchmarks.peers.rows import Row, Target
from asv_benchmarks.workloads import Workload


def row(**changes: object) -> Row:
    small = Row(
        "small",
        "a small product",
        "products",
        Workload("", "matmul", ((2, 3), (3, 4)), dtype="float32"),
        {"numpy": Target(1.0, 2.0)},
    )
    return replace(small, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("median", "spread", "least", "verdict"),
    [
        (4.5, 0.1, 4.2, "aim reached"),
        (4.5, 0.1, 3.9, "reached"),  # the smaller ratio counts
        (2.0, 0.1, 2.5, "reached"),
        (1.95, 0.1, 2.5, "within its spread"),
        (1.85, 0.1, 2.5, "missed"),
        (2.5, 0.1, 1.85, "missed"),
    ],
)
def test_the_verdict_depends_on_the_smaller_ratio(
    median: float, spread: float, least: float, verdict: str
) -> None:
    assert judge(Ratio(median, spread, least), Target(2.0, 4.0)) == verdict


def test_without_a_required_ratio_no_target_is_missed() -> None:
    assert judge(Ratio(0.1, 0.0, 0.1), Target()) == "reported"
    assert judge(Ratio(0.1, 0.0, 0.1), Target(aim=2.0)) == "reported"
    assert judge(Ratio(3.0, 0.0, 3.0), Target(aim=2.0)) == "aim reached"


def test_a_row_close_to_the_roofline_passes_without_its_required_ratio() -> None:
    slow = Ratio(0.5, 0.0, 0.5)
    assert judge(slow, Target(1.0), share=0.81) == "at the roofline"
    assert judge(slow, Target(1.0), share=0.79) == "missed"
    assert judge(slow, Target(), share=0.9) == "reported"


def test_the_best_of_all_is_the_framework_with_the_smallest_ratio() -> None:
    timings = {
        "tuned": Timing((1e-3,), (1e-3,)),
        "tuned-as-installed": Timing((1e-3,), (1e-3,)),
        "torch": Timing((4e-3,), (4e-3,)),
        "torch+fused": Timing((3e-3,), (3e-3,)),
        "jax+donated": Timing((2e-3,), (2e-3,)),
    }
    targets = {
        "torch": Target(3.5),
        "jax": Target(3.0),
        "tuned-as-installed": Target(),
        BEST: Target(1.5),
    }
    result = Result.of(row(targets=targets), "tuned", timings, threads=1)
    assert result.best == "jax+donated"
    assert result.comparisons[BEST].verdict == "reached"
    # The target of PyTorch is that of its defaults; JAX was measured in its best setting only.
    assert result.comparisons["torch+fused"].verdict == "reported"
    assert result.missed == ["jax+donated"]
    assert result.absent == ()


def test_bandwidth_depends_on_the_working_set() -> None:
    limits = Limits(flops=1e9, bytes=1e6, cached=((1e3, 8e6), (1e4, 4e6)))
    for size, speed in ((500, 8e6), (2000, 4e6), (50_000, 1e6)):
        assert limits.least(Cost(1.0, size)) == pytest.approx(size / speed)
    assert Limits.measure(1).cached[0][1] > 0.0


def test_a_result_lists_absent_contenders_and_missed_targets() -> None:
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
def test_wall_time_counts_on_several_threads(threads: int, counted: float) -> None:
    result = Result.of(row(), "tuned", {"tuned": Timing((2e-3,), (3e-3,))}, threads)
    assert result.times["tuned"].counted == pytest.approx(counted)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    timings = {"tuned": Timing((1.0, 2.0), (1.0, 2.0)), "numpy": Timing((3.0, 5.0), (3.0, 5.0))}
    result = Result.of(row(), "tuned", timings, threads=1)
    table = Table({"threads": 1}, {"numpy": "2"}, {"rounds": 2}, (result,), 0.5, ("a note",))
    table.write(tmp_path / "new" / "table.json")
    assert Table.read(tmp_path / "new" / "table.json") == table
