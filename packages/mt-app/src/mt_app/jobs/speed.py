"""A benchmark of the backends on small workloads: `python -m mt_app.jobs.speed FOLDER`.

Every result is appended to `speed.jsonl` as a JSON line. A time is the minimum of some calls, after
a first call that compiles and is not counted. `conditions.json` contains the machine and the date.
"""

import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from mt_app.jobs.watch import Watch
from mt_autodiff import Tensor, no_grad, tensor
from mt_models.backends import default_dtype, make_backend
from mt_models.networks import CourseLeNet
from mt_models.problems import image_batch
from mt_nn import SGD, nll_loss
from mt_tensor import Backend

RESULTS = "speed.jsonl"
CONDITIONS = "conditions.json"
EXAMPLE = Path(__file__).parents[1] / "examples" / "speed"
"""Results of another machine, which the page shows before the first measurement."""
NAMES = ("reference", "fast", "tuned")
AT_LEAST = 0.4
"""The minimum duration of a measurement, in seconds. A smaller value makes times less precise."""

Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload of the benchmark.

    Attributes:
        name: The name.
        size: A description of its size.
        prepare: A function from a backend to the measured call.
    """

    name: str
    size: str
    prepare: Callable[[Backend], Call]


@dataclass(frozen=True, slots=True)
class Timing:
    """The time of a backend for a workload.

    Attributes:
        workload: The name of the workload.
        size: The description of its size.
        backend: The name of the backend.
        dtype: The name of its dtype.
        seconds: The minimum of several calls.
    """

    workload: str
    size: str
    backend: str
    dtype: str
    seconds: float


def _random(backend: Backend, *shape: int) -> Tensor:
    return tensor(np.random.default_rng(0).standard_normal(shape).astype(backend.dtype), backend)


def _sum(backend: Backend) -> Call:
    a, b = _random(backend, 100, 100), _random(backend, 1, 100)
    return lambda: a + b


def _reduce(backend: Backend) -> Call:
    a = _random(backend, 100, 100)
    return lambda: a.sum(1)


def _matmul(backend: Backend) -> Call:
    a, b = _random(backend, 48, 48), _random(backend, 48, 48)
    return lambda: a @ b


def _forward(backend: Backend) -> Call:
    network = CourseLeNet(np.random.default_rng(0), backend)
    network.eval()
    image = image_batch(np.full((1, 28, 28), 128, np.uint8), backend)

    def call() -> None:
        with no_grad():
            network(image)

    return call


def _step(backend: Backend) -> Call:
    network = CourseLeNet(np.random.default_rng(0), backend)
    optimizer = SGD(network.parameters(), lr=0.01)
    image = image_batch(np.full((1, 28, 28), 128, np.uint8), backend)

    def call() -> None:
        optimizer.zero_grad()
        nll_loss(network(image), np.array([7])).backward()
        optimizer.step()

    return call


WORKLOADS = (
    Workload("sum with broadcasting", "100 × 100 and 1 × 100", _sum),
    Workload("sum over rows", "100 × 100", _reduce),
    Workload("matrix product", "48 × 48 and 48 × 48", _matmul),
    Workload("LeNet reads a digit", "1 × 28 × 28", _forward),
    Workload("LeNet learns a digit", "1 × 28 × 28", _step),
)


def measure(call: Call) -> float:
    """Return the seconds of the fastest call."""
    best, spent = float("inf"), 0.0
    while spent < AT_LEAST:
        begin = time.perf_counter()
        call()
        seconds = time.perf_counter() - begin
        best, spent = min(best, seconds), spent + seconds
    return best


def timings(names: tuple[str, ...] = NAMES) -> Iterator[Timing]:
    """Measure every backend on all workloads, the fast ones first."""
    for name in reversed(names):
        dtype = default_dtype(name)
        backend = make_backend(name, dtype)
        for work in WORKLOADS:
            call = work.prepare(backend)
            if name != "reference":  # Plain Python has nothing to compile.
                call()
            yield Timing(work.name, work.size, name, dtype, measure(call))


def read_timings(folder: Path) -> list[Timing]:
    """Return the results so far."""
    try:
        lines = (folder / RESULTS).read_text("utf-8").splitlines()
        return [Timing(**json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError):
        return []


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a benchmark.

    Attributes:
        machine: The description of processor, Python and NumPy.
        date: The day, as YYYY-MM-DD.
    """

    machine: str
    date: str


def read_conditions(folder: Path) -> Conditions | None:
    """Return the conditions of the results in a folder; None if they are unknown."""
    try:
        return Conditions(**json.loads((folder / CONDITIONS).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def machine() -> str:
    """Return a description of the machine."""
    return f"{_processor()}, Python {platform.python_version()}, NumPy {np.__version__}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return f"{len(names)} × {names[0]}"
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def main(folder: Path) -> int:
    """Measure everything."""
    conditions = Conditions(machine(), date.today().isoformat())
    (folder / CONDITIONS).write_text(f"{json.dumps(asdict(conditions))}\n", "utf-8")
    with Watch(folder) as watch, (folder / RESULTS).open("w", encoding="utf-8") as file:
        try:
            watch.interruptible = True
            for timing in timings():
                file.write(f"{json.dumps(asdict(timing))}\n")
                file.flush()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
