"""Measurement of training steps, and of messages between two processes.

``python -m asv_benchmarks.scaling.measure`` prints the times of steps as JSON, in a process with
one thread. `asv_benchmarks.scaling.ping_pong` measures messages.
"""

import importlib.util
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from asv_benchmarks.conditions import Conditions, environment, pin
from asv_benchmarks.training_cases import SHAPES, Network, TrainingCase
from mt_models.cli.launch import mpiexec

ROOT = Path(__file__).parents[2]

CASES: dict[str, Network] = {"course LeNet": "course", "Kim CNN": "kim"}
"""The measured networks by title."""

BATCHES = (2, 8, 32, 128)
STEPS = 15
"""Number of timed steps of each batch; the median of the processor's time counts."""

WIDTH = 1024
"""The inputs and outputs of the linear layer that stands for large networks."""


def measure() -> dict[str, Any]:
    """Return the conditions, the times of steps by network and batch, and those of messages."""
    return {"conditions": Conditions.now(1).to_json(), **_steps(), "messages": messages()}


def _steps() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "asv_benchmarks.scaling.measure"],
        cwd=ROOT,
        env=environment(1),
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def messages() -> dict[str, float] | None:
    """Return latency and bandwidth between two processes; None without mpi4py or a launcher."""
    launcher = mpiexec()
    if launcher is None or importlib.util.find_spec("mpi4py") is None:
        return None
    done = subprocess.run(
        [launcher, "-n", "2", sys.executable, "-m", "asv_benchmarks.scaling.ping_pong"],
        cwd=ROOT,
        env=environment(1),
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _trained_parameters(network: Network) -> int:
    """Return the number of parameters with gradients; the word vectors are frozen."""
    shapes = SHAPES[network].items()
    return sum(math.prod(shape) for name, shape in shapes if not name.startswith("embedding"))


def _measured_steps() -> dict[str, Any]:
    """Measure all steps in this process."""
    from asv_benchmarks.contenders.ours import OurTrainer, make_backend
    from mt_autodiff import randn
    from mt_nn import SGD, Linear, Sequential

    pin(1)
    backend = make_backend("tuned")
    networks = {}
    for title, network in CASES.items():
        times = {}
        for size in BATCHES:
            case = TrainingCase(network, size)
            trainer = OurTrainer(case, 0.001, backend)
            batch = trainer.place(*case.inputs())
            times[size] = _median(partial(trainer.step, batch))
        networks[title] = {"parameters": _trained_parameters(network), "seconds": times}
    model = Sequential(*(Linear(WIDTH, WIDTH, rng=i, backend=backend) for i in range(2)))
    optimizer = SGD(model.parameters(), lr=1e-6)
    times = {}
    for size in BATCHES:
        x = randn((size, WIDTH), rng=1, backend=backend)

        def step(x: Any = x) -> None:
            optimizer.zero_grad()
            out = model(x)
            (out * out).mean().backward()
            optimizer.step()

        times[size] = _median(step)
    dense = {"parameters": 2 * WIDTH * (WIDTH + 1), "seconds": times}
    return {"networks": networks, "dense": dense}


def _median(step: Callable[[], object]) -> float:
    for _ in range(3):
        step()
    taken = []
    for _ in range(STEPS):
        begin = time.process_time()
        step()
        taken.append(time.process_time() - begin)
    return statistics.median(taken)


if __name__ == "__main__":
    print(json.dumps(_measured_steps()))
