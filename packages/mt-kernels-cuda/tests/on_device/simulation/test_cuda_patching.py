"""The simulator is patched once, and patches by another copy of the package are kept."""

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


def test_patches_by_another_copy_are_kept(
    simulated_kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(self: Any, *arguments: Any) -> None:
        """Replace the call as the grader's copy does."""

    call.__module__ = "grading.simulation.patching"
    monkeypatch.setattr(simulated_kernel, "__call__", call)
    require_gpu.__wrapped__()
    assert simulated_kernel.__call__ is call


def test_the_first_use_of_a_backend_patches_the_simulator(
    simulated_kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(self: Any, *arguments: Any) -> None:
        """Represent the call of the unpatched simulator."""

    call.__module__ = "numba.cuda.simulator.kernel"
    monkeypatch.setattr(simulated_kernel, "__call__", call)
    assert not is_patched()
    require_gpu.__wrapped__()
    assert is_patched()
