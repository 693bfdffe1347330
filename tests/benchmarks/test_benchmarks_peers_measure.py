"""Contenders take turns in separate processes; each round gives a ratio."""

from dataclasses import replace

import pytest

from asv_benchmarks.peers.measure import QUICK, Ratio, Timing, Workers, measure, ratio
from asv_benchmarks.peers.rows import Row, Target
from asv_benchmarks.workloads import Workload


def test_each_round_gives_a_ratio() -> None:
    ours = Timing(cpu=(1.0, 2.0, 4.0), wall=(1.0, 3.0, 5.0))
    theirs = Timing(cpu=(2.0, 4.0, 8.0), wall=(6.0, 4.0, 5.0))
    assert ratio(ours, theirs, threads=1) == Ratio(2.0, 0.0, 4.0)
    # On several threads wall time counts: 6, 4/3 and 1.
    two = ratio(ours, theirs, threads=2)
    assert two.median == pytest.approx(4 / 3)
    assert two.spread == pytest.approx(((6 + 4 / 3) / 2 - (4 / 3 + 1) / 2) / 2)


def test_a_rival_with_fewer_rounds_is_compared_in_these() -> None:
    ours, theirs = Timing((1.0, 9.0), (1.0, 9.0)), Timing((3.0,), (3.0,))
    assert ratio(ours, theirs, threads=1) == Ratio(3.0, 0.0, 3.0)


def test_contenders_are_measured_in_separate_processes() -> None:
    workload = Workload("", "matmul", ((2, 3), (3, 4)), dtype="float32")
    product = Row("small", "a small product", "products", workload, {"numpy": Target(1.0, 2.0)})
    workers = Workers(threads=1)
    try:
        timings = measure(product, ["numpy", "torch-compile"], workers, QUICK)
        # torch-compile supports training steps only, or is not installed.
        assert set(timings) == {"numpy"}
        assert len(timings["numpy"].cpu) == QUICK.rounds
        large = Workload("", "matmul", ((300, 300), (300, 300)), dtype="float32")
        longer = measure(replace(product, workload=large), ["numpy"], workers, QUICK)
        assert 0.0 < min(timings["numpy"].wall) < min(longer["numpy"].wall)
        assert "numpy" in workers.versions()
    finally:
        workers.close()
