"""Fixtures of the tests of kernels, which run on a GPU or in a simulator that one test starts."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED, is_usable
from mt_kernels_cuda.jit import kernel
from mt_kernels_cuda.simulation import RaceDetector, observing

collect_ignore = [] if is_usable() else ["on_device"]

DEVICE_ATTRIBUTES = {"dtype", "ndim", "size", "strides"}
"""Attributes of numba's arrays in device memory that the simulator's arrays forward to NumPy."""


@pytest.fixture(autouse=SIMULATED)
def arrays_like_those_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove attributes that only the simulator's arrays have; they forward all to NumPy."""
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    forwarded = FakeCUDAArray.__getattr__

    def strict(array: Any, name: str) -> Any:
        caller = str(sys._getframe(1).f_globals["__name__"])
        if (
            name in DEVICE_ATTRIBUTES
            or name.startswith("__")
            or caller.startswith(("numba.", "numpy"))
        ):
            return forwarded(array, name)
        raise AttributeError(f"an array in the memory of a GPU has no {name}")

    monkeypatch.setattr(FakeCUDAArray, "__getattr__", strict)


@pytest.fixture
def launch() -> Callable[..., Any]:
    """Return a function that runs a kernel under the race detector and returns its array."""

    def run(fn: Callable[..., None], out: Any, blocks: int = 1, threads: int = 2) -> Any:
        memory = cuda.to_device(out)
        with observing(RaceDetector()):
            kernel(fn)[blocks, threads](memory)
        return memory.copy_to_host()

    return run
