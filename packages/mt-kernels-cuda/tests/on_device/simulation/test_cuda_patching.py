"""The simulator is patched once, and a copy of the package that was first is left alone."""

from typing import Any

import pytest

from mt_kernels_cuda import SIMULATED, require_gpu
from mt_kernels_cuda.simulation import is_patched, patch_simulator

pytestmark = pytest.mark.skipif(not SIMULATED, reason="a GPU runs the kernels")


@pytest.fixture
def simulated_kernel() -> Any:
    from numba.cuda.simulator import kernel

    return kernel.FakeCUDAKernel


def test_patching_twice_changes_nothing(simulated_kernel: Any) -> None:
    patch_simulator()
    call = simulated_kernel.__call__
    patch_simulator()
    assert is_patched()
    assert simulated_kernel.__call__ is call


def test_the_patches_of_another_copy_stay(
    simulated_kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(self: Any, *arguments: Any) -> None:
        """Stand for a patch of the grader's copy."""

    call.__module__ = "grading.simulation.patching"
    monkeypatch.setattr(simulated_kernel, "__call__", call)
    require_gpu.__wrapped__()
    assert simulated_kernel.__call__ is call


def test_the_first_use_of_a_backend_patches(
    simulated_kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(self: Any, *arguments: Any) -> None:
        """Stand for numba's own."""

    call.__module__ = "numba.cuda.simulator.kernel"
    monkeypatch.setattr(simulated_kernel, "__call__", call)
    assert not is_patched()
    require_gpu.__wrapped__()
    assert is_patched()
