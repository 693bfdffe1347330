"""Comparison of all operations and networks on the GPU with double precision on the processor."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from asv_benchmarks.contenders.contender import Absent
from asv_benchmarks.contenders.ours import Ours
from asv_benchmarks.gpu_check.backends import TOLERANCES, gpu_backends, oracle
from asv_benchmarks.training_cases import TrainingCase
from asv_benchmarks.workloads import WORKLOADS, Array, Workload
from mt_autodiff import Tensor
from mt_kernels_cuda import SIMULATED
from mt_tensor import Backend, TensorData

TINY = {1000: 13, 256: 9, 64: 5, 52: 7, 50: 3, 28: 8, 16: 2, 10: 2, 100: 5, 8: 3}
"""Sizes in the simulator by real size. They are small and still exceed a block or a tile."""

NETWORKS = (
    TrainingCase("course", 2, dropout=False),
    TrainingCase("lenet5", 2, dropout=False),
    TrainingCase("kim", 2, dropout=False),
)


@dataclass(frozen=True)
class Comparison:
    """The error of one result.

    Attributes:
        workload: The name of the operation or the network.
        backend: The name of our backend on the GPU.
        error: The largest difference, relative to the largest element of the expected result.
        allowed: The largest error that passes.
        exception: The exception that was raised in place of a result; empty if none was.
    """

    workload: str
    backend: str
    error: float
    allowed: float
    exception: str = ""

    @property
    def right(self) -> bool:
        """True if the error is within the limit and no exception was raised."""
        return not self.exception and self.error <= self.allowed


def compare() -> Iterator[Comparison]:
    """Yield a comparison for each operation, each training step and each backend."""
    for workload in workloads():
        yield from _compare(workload.name, workload)
    for case in NETWORKS[: 0 if SIMULATED else None]:
        step = Workload(f"step_{case.network}", "train_step", ())
        yield from _compare(step.name, replace(step, options={"case": case}))


def workloads() -> tuple[Workload, ...]:
    """Return the operations; in the simulator, with tiny sizes."""
    if not SIMULATED:
        return WORKLOADS
    return tuple(
        replace(each, shapes=tuple(tuple(TINY.get(n, n) for n in shape) for shape in each.shapes))
        for each in WORKLOADS
    )


def _compare(name: str, workload: Workload) -> Iterator[Comparison]:
    expected = _result(oracle(), workload)
    largest = max(float(np.abs(expected).max(initial=0.0)), 1e-30)
    for kind, backend in gpu_backends().items():
        allowed = TOLERANCES[backend.dtype]
        try:
            found = _result(backend, workload)
        except Absent:
            continue
        except Exception as error:
            message = f"{type(error).__name__}: {error}"[:300]
            yield Comparison(name, kind, 0.0, allowed, message)
            continue
        # An error of NaN does not pass: NaN <= allowed is false.
        difference = float(np.abs(found - expected).max(initial=0.0)) / largest
        yield Comparison(name, kind, difference, allowed)


def _result(backend: Backend, workload: Workload) -> Array:
    """Compute a workload once and return the result in double precision."""
    ours = Ours.on(backend)
    if workload.operation == "train_step":
        return _after_a_step(ours, workload.options["case"])
    return backend.to_numpy(_data(ours.prepare(workload)())).astype(np.float64)


def _data(result: object) -> TensorData:
    """Return the data of a tensor or of the result of a fused form, (data, saved values)."""
    if isinstance(result, Tensor):
        return result.data
    data = result[0] if isinstance(result, tuple) else result
    assert isinstance(data, TensorData), f"an operation returned a {type(data).__name__}"
    return data


def _after_a_step(ours: Ours, case: TrainingCase) -> Array:
    """Train one step and return the changes of all weights, one after the other."""
    trainer = ours.trainer(case, rate=0.5)
    trainer.step(trainer.place(*case.inputs()))
    before, after = case.weights(), trainer.weights()
    return np.concatenate([(after[name] - before[name]).ravel() for name in sorted(before)])
