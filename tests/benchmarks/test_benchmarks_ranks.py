"""The measurement of two ranks: its table, and the steps that it measures."""

import importlib.util
from typing import Any

import numpy as np
import pytest

from asv_benchmarks.benchmarks.ranks import Ranks
from asv_benchmarks.ranks.__main__ import table
from asv_benchmarks.ranks.measure import CASES, LAYOUTS, measure_once
from asv_benchmarks.ranks.worker import OurSteps, seconds_of
from asv_benchmarks.training_cases import TrainingCase
from mt_nn.distributed import Communicator, Simulator, SingleProcess


def found(ours: dict[str, list[float]], torch: dict[str, list[float]]) -> dict[str, Any]:
    conditions = {"date": "2030-01-01", "commit": "abc", "processor": "P", "cores": 2}
    return {
        "conditions": {**conditions, "load": 0.1, "load_after": 0.2},
        "rounds": 2,
        "steps": 9,
        "times": {"ours": dict.fromkeys(CASES, ours), "torch": dict.fromkeys(CASES, torch)},
    }


def test_the_table_has_the_ratios_of_rounds() -> None:
    ours = dict(zip(LAYOUTS, ([4e-3, 8e-3], [2e-3, 4e-3], [2e-3, 4e-3]), strict=True))
    torch = dict(zip(LAYOUTS, ([8e-3, 8e-3], [4e-3, 4e-3], [6e-3, 6e-3]), strict=True))
    first, second = table(found(ours, torch)).splitlines()[2:4]
    cells = ["course LeNet, batch 128", "ours", "6 ms", "3 ms", "3 ms", "2.00×", "1.00×", "2.0×"]
    assert first == f"| {' | '.join(cells)} |"
    assert "| 1.33× | 0.67× |  |" in second


@pytest.mark.parametrize("network", ["course", "kim"])
def test_steps_of_two_ranks_equal_those_of_one(network: Any) -> None:
    case = TrainingCase(network, 6)

    def trained(ranks: Communicator) -> dict[str, Any]:
        stepper = OurSteps(case, ranks)
        assert seconds_of(stepper, 1) > 0.0
        return stepper.trainer.weights()

    expected = trained(SingleProcess())
    for weights in Simulator(2).run(trained):
        for name, array in expected.items():
            np.testing.assert_allclose(weights[name], array, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.mpi
def test_two_ranks_are_measured() -> None:
    assert measure_once("ours", "Kim CNN, batch 50", "2 × 1", 3) > 0.0


@pytest.mark.skipif(importlib.util.find_spec("mpi4py") is not None, reason="MPI is installed")
def test_without_mpi_the_command_is_named() -> None:
    with pytest.raises(LookupError, match="hatch run mpi:speed"):
        measure_once("ours", "Kim CNN, batch 50", "2 × 1", 3)
    with pytest.raises(NotImplementedError, match="hatch run mpi:speed"):
        Ranks().setup("Kim CNN, batch 50", "2 × 1")
