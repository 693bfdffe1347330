"""On a machine without a GPU, the tests of `facade_on_device` run in numba's simulator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mt_kernels_cuda import is_usable

WITHOUT_GPU = """
import minitorch
backend = minitorch.TensorBackend(minitorch.CudaOps)
assert backend.cuda and backend == minitorch.TensorBackend(minitorch.CudaOps)
minitorch.cuda_ops.tensor_map(minitorch.operators.neg)
try:
    minitorch.tensor([1.0], backend=backend)
except RuntimeError as error:
    assert "NUMBA_ENABLE_CUDASIM" in str(error)
else:
    raise AssertionError("a tensor in the memory of no GPU")
assert minitorch.tensor([1.0]).item() == 1.0
"""


def _python(*arguments: str, **environment: str) -> None:
    """Run a script in a process, because numba searches for a GPU when it is imported."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_ENABLE")}
    run = subprocess.run(
        [sys.executable, *arguments],
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_only_tensors_need_a_gpu() -> None:
    _python("-W", "error", "-c", WITHOUT_GPU, NUMBA_DISABLE_CUDA="1")


@pytest.mark.skipif(is_usable(), reason="the tests on the device run in this process")
def test_the_gpu_in_the_simulator() -> None:
    folder = str(Path(__file__).parent / "facade_on_device")
    run_pytest = ("-m", "pytest", "-q", "-p", "no:cacheprovider", folder)
    _python(*run_pytest, NUMBA_ENABLE_CUDASIM="1")
