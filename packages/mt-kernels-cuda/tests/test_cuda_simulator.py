"""On a machine without a GPU, the tests of the folder `on_device` run in numba's simulator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mt_kernels_cuda import is_usable

pytestmark = pytest.mark.skipif(is_usable(), reason="the kernels are tested in this process")


def test_kernels_in_the_simulator() -> None:
    simulate()


@pytest.mark.slow
def test_tiles_as_large_as_on_a_gpu_in_the_simulator() -> None:
    simulate("-m", "slow")


def simulate(*options: str) -> None:
    """Run pytest in a process of its own: numba chooses the simulator when it is imported."""
    folder = Path(__file__).parent / "on_device"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr
