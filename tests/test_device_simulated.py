"""The tests of `on_device` in numba's simulator, on machines without a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mt_kernels_cuda import is_usable

TESTS = Path(__file__).parent
FOLDER = TESTS / "on_device"
KERNELS = TESTS / "gpu_kernels" / "on_device"
AGAIN = [TESTS / "test_backends.py"]

pytestmark = pytest.mark.skipif(is_usable(), reason="the tests run on the GPU in this process")


def simulate(*arguments: str) -> None:
    """Run pytest in a new process, because numba selects the simulator when it is imported."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_forms_and_training_pass_in_the_simulator() -> None:
    simulate(str(FOLDER))


def test_the_catalogue_of_kernels_passes_in_the_simulator() -> None:
    simulate(str(KERNELS))


@pytest.mark.slow
def test_slow_tests_pass_in_the_simulator() -> None:
    simulate("-m", "slow", str(FOLDER))


@pytest.mark.slow
def test_all_operations_agree_in_the_simulator() -> None:
    simulate("-k", "Cuda", *map(str, AGAIN))
