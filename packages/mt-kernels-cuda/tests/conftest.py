"""Where the tests of kernels run: on a GPU, or in the simulator that one test starts."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED, is_usable
from mt_kernels_cuda.jit import kernel
from mt_kernels_cuda.simulation import RaceDetector, observing

collect_ignore = [] if is_usable() else ["on_device"]

ON_A_GPU = {"dtype", "ndim", "size", "strides"}
"""What an array in device memory has, besides what the simulator's has of its own."""


@pytest.fixture(autouse=SIMULATED)
def arrays_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what only the simulator's arrays have: they pass everything on to NumPy."""
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    passed_on = FakeCUDAArray.__getattr__

    def strict(array: Any, name: str) -> Any:
        asking = str(sys._getframe(1).f_globals["__name__"])
        if name in ON_A_GPU or name.startswith("__") or asking.startswith(("numba.", "numpy")):
            return passed_on(array, name)
        raise AttributeError(f"an array in the memory of a GPU has no {name}")

    monkeypatch.setattr(FakeCUDAArray, "__getattr__", strict)


@pytest.fixture
def launch() -> Callable[..., Any]:
    """Runs a function as a kernel under the detector of races, and returns its array."""

    def run(fn: Callable[..., None], out: Any, blocks: int = 1, threads: int = 2) -> Any:
        memory = cuda.to_device(out)
        with observing(RaceDetector()):
            kernel(fn)[blocks, threads](memory)
        return memory.copy_to_host()

    return run
