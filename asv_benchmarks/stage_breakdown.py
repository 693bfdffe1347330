"""Breakdown of one training step by operation, on each backend.

``python -m asv_benchmarks.stage_breakdown --output FILE`` measures all backends and writes JSON,
from which the tables of `docs/guides/speed.md` are written. With the name of a backend instead,
the command measures that backend and prints JSON.

The step is the course's LeNet on 16 images, on one thread. Each backend runs in its own process;
compiled backends warm up first.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asv_benchmarks.conditions import Conditions, environment, pin
from asv_benchmarks.training_cases import TrainingCase

STAGES = ("reference", "naive", "fast", "tuned")
CASE = TrainingCase("course", 16)
ROUNDS = {"naive": 3, "fast": 9, "tuned": 51}
"""Number of timed steps by backend. `reference` takes minutes, so its only step is the profiled
one. Fewer steps give a noisier median."""


@dataclass(frozen=True, slots=True)
class Part:
    """The share of one operation in a step.

    Attributes:
        name: The name of the function.
        phase: The phase: ``forward``, ``backward`` or ``region``.
        calls: The number of calls in a step.
        seconds: The time of all calls together.
    """

    name: str
    phase: str
    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Stage:
    """One training step on one backend.

    Attributes:
        backend: The name of the backend.
        seconds: The median processor time of the timed steps.
        parts: The operations of one step as `mt_autodiff.profile` reports them, the longest first.
    """

    backend: str
    seconds: float
    parts: tuple[Part, ...]


def measure() -> dict[str, Any]:
    """Measure every stage and return conditions and stages as plain values."""
    conditions = Conditions.now(1).to_json()
    return {"conditions": conditions, "stages": [_in_a_process(name) for name in STAGES]}


def read(path: Path) -> tuple[dict[str, Any], list[Stage]]:
    """Read a file that `measure` wrote, and return the conditions and the stages."""
    values = json.loads(path.read_text("utf-8"))
    stages = [
        Stage(**stage | {"parts": tuple(Part(**part) for part in stage["parts"])})
        for stage in values["stages"]
    ]
    return values["conditions"], stages


def _in_a_process(backend: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "asv_benchmarks.stage_breakdown", backend],
        cwd=Path(__file__).parents[1],
        env=environment(1),
        stdout=subprocess.PIPE,
        check=True,
    )
    stage: dict[str, Any] = json.loads(done.stdout)
    return stage


def _stage(backend: str) -> Stage:
    """Measure a stage in this process."""
    from asv_benchmarks.contenders.ours import OurTrainer, make_backend
    from mt_autodiff import profile

    pin(1)
    trainer = OurTrainer(CASE, 0.001, make_backend(backend))
    batch = trainer.place(*CASE.inputs())
    if backend != "reference":
        for _ in range(5):
            trainer.step(batch)
    taken = [_cpu_seconds(lambda: trainer.step(batch)) for _ in range(ROUNDS.get(backend, 0))]
    cpu = time.process_time()
    with profile(show=False) as seen:
        trainer.step(batch)
    cpu = time.process_time() - cpu
    parts = tuple(Part(one.name, one.phase, one.calls, one.seconds) for one in seen.totals())
    return Stage(backend, statistics.median(taken or [cpu]), parts)


def _cpu_seconds(call: Callable[[], Any]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


if __name__ == "__main__":
    if sys.argv[1:2] == ["--output"]:
        target = Path(sys.argv[2])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(measure(), indent=1) + "\n", "utf-8")
    else:
        print(json.dumps(asdict(_stage(sys.argv[1]))))
