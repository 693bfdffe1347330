"""Every operation and every network on a GPU, beside the processor's double precision."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from asv_benchmarks.contenders.contender import Absent
from asv_benchmarks.contenders.ours import Ours
from asv_benchmarks.gpu_check.backends import TOLERANCES, judge, on_the_gpu
from asv_benchmarks.training_cases import TrainingCase
from asv_benchmarks.workloads import WORKLOADS, Array, Workload
from mt_autodiff import Tensor
from mt_kernels_cuda import SIMULATED
from mt_tensor import Backend, TensorData

TINY = {1000: 13, 256: 9, 64: 5, 52: 7, 50: 3, 28: 8, 16: 2, 10: 2, 100: 5, 8: 3}
"""What sizes become in the simulator: small, but still more than a block or a tile."""

NETWORKS = (
    TrainingCase("course", 2, dropout=False),
    TrainingCase("lenet5", 2, dropout=False),
    TrainingCase("kim", 2, dropout=False),
)


@dataclass(frozen=True)
class Comparison:
    """One result beside the right one.

    Attributes:
        what: The operation or the network.
        backend: Which of our backends on the GPU.
        error: The largest difference, relative to the largest right number.
        allowed: The largest that passes.
        trouble: The exception that came instead of a result; empty if none did.
    """

    what: str
    backend: str
    error: float
    allowed: float
    trouble: str = ""

    @property
    def right(self) -> bool:
        """Whether the result is right."""
        return not self.trouble and self.error <= self.allowed


def compare() -> Iterator[Comparison]:
    """Compare all operations and a training step of every network."""
    for workload in workloads():
        yield from _compare(workload.name, workload)
    for case in NETWORKS[: 0 if SIMULATED else None]:
        step = Workload(f"step_{case.network}", "train_step", ())
        yield from _compare(step.name, replace(step, options={"case": case}))


def workloads() -> tuple[Workload, ...]:
    """Return the operations, in the simulator with tiny sizes."""
    if not SIMULATED:
        return WORKLOADS
    return tuple(
        replace(each, shapes=tuple(tuple(TINY.get(n, n) for n in shape) for shape in each.shapes))
        for each in WORKLOADS
    )


def _compare(what: str, workload: Workload) -> Iterator[Comparison]:
    right = _result(judge(), workload)
    largest = max(float(np.abs(right).max(initial=0.0)), 1e-30)
    for name, backend in on_the_gpu().items():
        allowed = TOLERANCES[backend.dtype]
        try:
            found = _result(backend, workload)
        except Absent:
            continue
        except Exception as trouble:
            said = f"{type(trouble).__name__}: {trouble}"[:300]
            yield Comparison(what, name, 0.0, allowed, said)
            continue
        error = float(np.abs(found - right).max(initial=0.0)) / largest
        # A NaN is larger than what is allowed: no comparison with it holds.
        yield Comparison(what, name, error, allowed)


def _result(backend: Backend, workload: Workload) -> Array:
    """Compute a workload once, and fetch what comes out."""
    ours = Ours.on(backend)
    if workload.operation == "train_step":
        return _after_a_step(ours, workload.options["case"])
    return backend.to_numpy(_data(ours.prepare(workload)())).astype(np.float64)


def _data(result: object) -> TensorData:
    """Return the data of a tensor, or of a fused form's answer, which keeps more beside it."""
    if isinstance(result, Tensor):
        return result.data
    data = result[0] if isinstance(result, tuple) else result
    assert isinstance(data, TensorData), f"an operation returned a {type(data).__name__}"
    return data


def _after_a_step(ours: Ours, case: TrainingCase) -> Array:
    """Train one step, and return how every weight has changed."""
    trainer = ours.trainer(case, rate=0.5)
    trainer.step(trainer.place(*case.inputs()))
    before, after = case.weights(), trainer.weights()
    return np.concatenate([(after[name] - before[name]).ravel() for name in sorted(before)])
