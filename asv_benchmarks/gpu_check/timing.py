"""How long kernels and training steps take, and how much of the card they use."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numba import cuda

from asv_benchmarks.contenders.contender import Absent, Contender
from asv_benchmarks.contenders.ours import Ours
from asv_benchmarks.gpu_check.backends import on_the_gpu, on_the_processor
from asv_benchmarks.gpu_check.card import Card
from asv_benchmarks.workloads import Workload

ROUNDS = 9
SECONDS = 0.05
"""How often everybody has a turn, and about how long it lasts."""

BIG = 4096

CONVOLUTIONS = {
    "conv1d": ((50, 50, 52), (100, 50, 3)),
    "conv2d": ((64, 4, 28, 28), (8, 4, 3, 3)),
}
STEPS = (("course", 16), ("course", 128), ("lenet5", 64), ("kim", 10), ("kim", 50))
"""Networks, and examples in a batch."""

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
"""Large enough that a launch costs little beside them; and training steps as they are."""

GOALS = {
    # Shares of PyTorch's speed on the same card, and of the card's bandwidth.
    "matmul": ("torch", 0.5),
    **dict.fromkeys((f"step_course_{batch}" for batch in (16, 128)), ("torch", 1.0)),
    **dict.fromkeys((f"step_kim_{batch}" for batch in (10, 50)), ("torch", 1.0)),
    **dict.fromkeys(("map", "zip", "reduce_rows", "reduce_columns"), ("bandwidth", 0.8)),
}
"""What the tuned backend is to reach."""


@dataclass(frozen=True)
class Timing:
    """How long one call takes.

    Attributes:
        workload: What was called.
        contender: Who.
        seconds: Of one call, the median of all rounds.
        bandwidth: The share of the card's bandwidth, if everything travelled once; None for a
            training step, and on the processor.
        flops: The share of the card's arithmetic; None where there is little.
    """

    workload: str
    contender: str
    seconds: float
    bandwidth: float | None = None
    flops: float | None = None


@dataclass(frozen=True)
class Goal:
    """What was reached of a goal.

    Attributes:
        workload: Of what.
        of: Of whose speed, or of what.
        wanted: The share.
        reached: The share that was measured; None if there was nothing to compare with.
    """

    workload: str
    of: str
    wanted: float
    reached: float | None


def measure(card: Card) -> Iterator[Timing]:
    """Time everybody on everything, in turns."""
    contenders = _contenders()
    for workload in WORKLOADS:
        calls: dict[str, tuple[Callable[[], object], Callable[[], None]]] = {}
        for name, (contender, wait) in contenders.items():
            try:
                calls[name] = (contender.prepare(workload), wait)
            except Absent:
                continue
        for name, seconds in _in_turns(calls).items():
            on_card = name != "processor"
            moved, sums = _moved(workload), _sums(workload)
            yield Timing(
                workload.name,
                name,
                seconds,
                moved / seconds / card.bandwidth if moved and on_card else None,
                sums / seconds / card.flops if sums and on_card else None,
            )


def goals(timings: list[Timing]) -> list[Goal]:
    """Compare what was measured with the goals."""
    by_key = {(each.workload, each.contender): each for each in timings}
    found = []
    for workload, (of, wanted) in GOALS.items():
        ours, rival = by_key.get((workload, "tuned")), by_key.get((workload, of))
        reached = ours.bandwidth if ours and of == "bandwidth" else None
        if ours and rival:
            reached = rival.seconds / ours.seconds
        found.append(Goal(workload, of, wanted, reached))
    return found


def _contenders() -> dict[str, tuple[Contender, Callable[[], None]]]:
    """Return who is measured, and what waits until their work is done."""
    found: dict[str, tuple[Contender, Callable[[], None]]] = {
        name: (Ours.on(backend), cuda.synchronize) for name, backend in on_the_gpu().items()
    }
    found["processor"] = (Ours.on(on_the_processor()), lambda: None)
    try:
        import torch

        from asv_benchmarks.contenders.with_torch import WithTorch
    except ModuleNotFoundError:
        return found
    if torch.cuda.is_available():
        torch.set_default_device("cuda")
        found["torch"] = (WithTorch(compiled=False), torch.cuda.synchronize)
    return found


def _in_turns(
    calls: dict[str, tuple[Callable[[], object], Callable[[], None]]],
) -> dict[str, float]:
    """Return how long a call of each takes, while the host waits only after many of them."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    counts = {}
    for name, (call, wait) in calls.items():
        call()  # Compiles.
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


def _moved(workload: Workload) -> float:
    """Return how many bytes travel if every operand and the result do once."""
    if workload.operation not in ("sigmoid", "mul", "sum"):
        return 0.0
    out = list(np.broadcast_shapes(*workload.shapes))
    if workload.operation == "sum":
        out[workload.options["dim"]] = 1
    return float(4 * sum(math.prod(shape) for shape in (*workload.shapes, out)))


def _sums(workload: Workload) -> float:
    """Return how many multiplications and additions a product or a convolution needs."""
    if workload.operation == "matmul":
        return float(2 * math.prod(workload.shapes[0]) * workload.shapes[1][-1])
    if workload.operation.startswith("conv"):
        (batch, _, *size), weight = workload.shapes
        return float(2 * batch * math.prod(size) * math.prod(weight))
    return 0.0
