"""Times of kernels and training steps, and the shares of the GPU's peaks that they reach."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numba import cuda

from asv_benchmarks.contenders.contender import Absent, Contender
from asv_benchmarks.contenders.ours import Ours
from asv_benchmarks.gpu_check.backends import cpu_backend, gpu_backends
from asv_benchmarks.gpu_check.card import Card
from asv_benchmarks.workloads import Workload

ROUNDS = 9
"""Number of rounds; in each, every contender has one turn."""

SECONDS = 0.05
"""Approximate duration of a turn in seconds. Shorter turns measure the overhead of waiting, too."""

BIG = 4096

CONVOLUTIONS = {
    "conv1d": ((50, 50, 52), (100, 50, 3)),
    "conv2d": ((64, 4, 28, 28), (8, 4, 3, 3)),
}
STEPS = (("course", 16), ("course", 128), ("lenet5", 64), ("kim", 10), ("kim", 50))
"""Networks and batch sizes of the measured training steps."""

WORKLOADS = (
    Workload("map", "sigmoid", ((BIG, BIG),), dtype="float32"),
    Workload("zip", "mul", ((BIG, BIG), (BIG, BIG)), dtype="float32"),
    Workload("zip_broadcast", "mul", ((BIG, BIG), (BIG, 1)), dtype="float32"),
    Workload("map_permuted", "sigmoid", ((BIG, BIG),), dtype="float32", layout="permuted"),
    Workload("reduce_rows", "sum", ((BIG, BIG),), {"dim": 1}, dtype="float32"),
    Workload("reduce_columns", "sum", ((BIG, BIG),), {"dim": 0}, dtype="float32"),
    Workload("matmul", "matmul", ((2048, 2048), (2048, 2048)), dtype="float32"),
    Workload("matmul_batched", "matmul", ((64, 64, 64), (64, 64, 64)), dtype="float32"),
    *(
        Workload(f"{name}{part}", f"{name}{part}", shapes, dtype="float32")
        for name, shapes in CONVOLUTIONS.items()
        for part in ("", "_grad_input", "_grad_weight")
    ),
    Workload("avgpool2d", "avgpool2d", ((64, 8, 28, 28),), {"kernel": (4, 4)}, dtype="float32"),
    Workload("maxpool2d", "maxpool2d", ((64, 8, 28, 28),), {"kernel": (2, 2)}, dtype="float32"),
    *(
        Workload(f"step_{network}_{batch}", "train_step", (), {"network": network, "batch": batch})
        for network, batch in STEPS
    ),
)
"""Measured workloads: kernels so large that the launch costs little, and training steps."""

GOALS = {
    # Shares of PyTorch's speed on the same GPU, or of the GPU's bandwidth.
    "matmul": ("torch", 0.5),
    **dict.fromkeys((f"step_course_{batch}" for batch in (16, 128)), ("torch", 1.0)),
    **dict.fromkeys((f"step_kim_{batch}" for batch in (10, 50)), ("torch", 1.0)),
    **dict.fromkeys(("map", "zip", "reduce_rows", "reduce_columns"), ("bandwidth", 0.8)),
}
"""Measure and target share of the tuned backend, by workload."""


@dataclass(frozen=True)
class Timing:
    """The time of one call.

    Attributes:
        workload: The name of the workload.
        contender: The name of the contender.
        seconds: Seconds of one call, the median of all rounds.
        bandwidth: The share of the GPU's peak bandwidth if operands and result move once; None for
            other operations and on the processor.
        flops: The share of the GPU's peak arithmetic; None for operations with little.
    """

    workload: str
    contender: str
    seconds: float
    bandwidth: float | None = None
    flops: float | None = None


@dataclass(frozen=True)
class Goal:
    """A goal, and the share that was reached.

    Attributes:
        workload: The name of the workload.
        measure: The contender whose speed is 1, or ``bandwidth``.
        target: The share to reach.
        reached: The measured share; None if there was nothing to compare with.
    """

    workload: str
    measure: str
    target: float
    reached: float | None


def measure(card: Card) -> Iterator[Timing]:
    """Yield the time of each contender on each workload; contenders take turns."""
    contenders = _contenders()
    for workload in WORKLOADS:
        calls: dict[str, tuple[Callable[[], object], Callable[[], None]]] = {}
        for name, (contender, wait) in contenders.items():
            try:
                calls[name] = (contender.prepare(workload), wait)
            except Absent:
                continue
        for name, seconds in _interleaved(calls).items():
            on_card = name != "processor"
            moved, flops = _bytes_moved(workload), _flops(workload)
            yield Timing(
                workload.name,
                name,
                seconds,
                moved / seconds / card.bandwidth if moved and on_card else None,
                flops / seconds / card.flops if flops and on_card else None,
            )


def goals(timings: list[Timing]) -> list[Goal]:
    """Return all goals with the shares that the timings reach."""
    by_key = {(each.workload, each.contender): each for each in timings}
    found = []
    for workload, (measure, target) in GOALS.items():
        ours, rival = by_key.get((workload, "tuned")), by_key.get((workload, measure))
        reached = ours.bandwidth if ours and measure == "bandwidth" else None
        if ours and rival:
            reached = rival.seconds / ours.seconds
        found.append(Goal(workload, measure, target, reached))
    return found


def _contenders() -> dict[str, tuple[Contender, Callable[[], None]]]:
    """Return contenders by name, each with a function that waits until its work is done."""
    found: dict[str, tuple[Contender, Callable[[], None]]] = {
        name: (Ours.on(backend), cuda.synchronize) for name, backend in gpu_backends().items()
    }
    found["processor"] = (Ours.on(cpu_backend()), lambda: None)
    try:
        import torch

        from asv_benchmarks.contenders.with_torch import WithTorch
    except ModuleNotFoundError:
        return found
    if torch.cuda.is_available():
        torch.set_default_device("cuda")
        found["torch"] = (WithTorch(compiled=False), torch.cuda.synchronize)
    return found


def _interleaved(
    calls: dict[str, tuple[Callable[[], object], Callable[[], None]]],
) -> dict[str, float]:
    """Return the seconds of a call by contender; the host waits once per turn of many calls."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    counts = {}
    for name, (call, wait) in calls.items():
        call()  # Compiles the kernels.
        counts[name] = max(1, math.ceil(SECONDS / _seconds(call, wait, 2)))
    for _ in range(ROUNDS):
        for name, (call, wait) in calls.items():
            times[name].append(_seconds(call, wait, counts[name]))
    return {name: float(np.median(each)) for name, each in times.items()}


def _seconds(call: Callable[[], object], wait: Callable[[], None], count: int) -> float:
    wait()
    begin = time.perf_counter()
    for _ in range(count):
        call()
    wait()
    return (time.perf_counter() - begin) / count


def _bytes_moved(workload: Workload) -> float:
    """Return the bytes of operands and result; 0 for operations that reuse operands."""
    if workload.operation not in ("sigmoid", "mul", "sum"):
        return 0.0
    out = list(np.broadcast_shapes(*workload.shapes))
    if workload.operation == "sum":
        out[workload.options["dim"]] = 1
    return float(4 * sum(math.prod(shape) for shape in (*workload.shapes, out)))


def _flops(workload: Workload) -> float:
    """Return the multiplications and additions of a product or convolution, else 0."""
    if workload.operation == "matmul":
        return float(2 * math.prod(workload.shapes[0]) * workload.shapes[1][-1])
    if workload.operation.startswith("conv"):
        (batch, _, *size), weight = workload.shapes
        return float(2 * batch * math.prod(size) * math.prod(weight))
    return 0.0
