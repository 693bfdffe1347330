"""Keys, targets and workloads of the rows of `hatch run peers`."""

import json
from dataclasses import asdict

import pytest

from asv_benchmarks.contenders.names import AS_INSTALLED, NAMES
from asv_benchmarks.peers.processes import ProcessRow, process_rows
from asv_benchmarks.peers.rows import Row, Target, kernel_rows, rows
from asv_benchmarks.peers.worker import workload_from_json


def test_every_row_has_a_unique_key_and_known_rivals() -> None:
    for threads in (1, 2):
        every: list[Row | ProcessRow] = [
            *rows(threads),
            *process_rows("tuned", threads, time_to_accuracy=True),
        ]
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
        "step-gpt": 1.1,
    }
    assert targets["step-kim-10"]["jax"].must == targets["step-kim-50"]["jax"].must == 1.6


@pytest.mark.parametrize("one", kernel_rows(), ids=lambda one: one.key)
def test_a_workload_survives_conversion_to_json(one: Row) -> None:
    assert (
        workload_from_json(json.loads(json.dumps(asdict(one.workload)))).inputs()[0].shape
        == (one.workload.shapes[0])
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_training_steps_are_measured_as_installed_by_pip(threads: int) -> None:
    steps = [one for one in rows(threads) if one.group == "training step"]
    assert len(steps) == 6
    assert all(one.targets[AS_INSTALLED] == Target() for one in steps)
