"""Where the time of one training step goes, on each backend.

``python -m asv_benchmarks.journey --output FILE`` measures and writes JSON, from which
`docs/guides/speed.md` is written; with a backend's name it measures that one.

The step is the course's LeNet on 16 images, on one thread. Every backend runs it in a process of
its own, and the compiled ones warm up first.
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
"""How many steps are timed. Of plain loops it is the one that is watched: it takes minutes."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one operation takes of a step.

    Attributes:
        name: The function.
        phase: Its computation, or that of its gradients.
        calls: How often it is called in a step.
        seconds: What the calls take together.
    """

    name: str
    phase: str
    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Stage:
    """One training step on one backend.

    Attributes:
        backend: Its name.
        seconds: Time of the processor, the median of some steps.
        parts: What `mt_autodiff.profile` saw of one step, the longest first.
    """

    backend: str
    seconds: float
    parts: tuple[Part, ...]


def measure() -> dict[str, Any]:
    """Measure every stage and return plain values."""
    conditions = Conditions.now(1).to_json()
    return {"conditions": conditions, "stages": [_in_a_process(name) for name in STAGES]}


def read(path: Path) -> tuple[dict[str, Any], list[Stage]]:
    """Read what was measured: the conditions and the stages."""
    values = json.loads(path.read_text("utf-8"))
    stages = [
        Stage(**stage | {"parts": tuple(Part(**part) for part in stage["parts"])})
        for stage in values["stages"]
    ]
    return values["conditions"], stages


def _in_a_process(backend: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "asv_benchmarks.journey", backend],
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
