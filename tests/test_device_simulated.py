"""On a machine without a GPU, the tests of `on_device` run in numba's simulator."""

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

pytestmark = pytest.mark.skipif(is_usable(), reason="the tests on the device run in this process")


def simulate(*arguments: str) -> None:
    """Run pytest where every kernel is simulated, which numba decides when it is imported."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_forms_and_training_in_the_simulator() -> None:
    simulate(str(FOLDER))


def test_the_table_of_kernels_in_the_simulator() -> None:
    simulate(str(KERNELS))


@pytest.mark.slow
def test_layouts_and_whole_networks_in_the_simulator() -> None:
    simulate("-m", "slow", str(FOLDER))


@pytest.mark.slow
def test_all_operations_in_all_layouts_in_the_simulator() -> None:
    simulate("-k", "Cuda", *map(str, AGAIN))
