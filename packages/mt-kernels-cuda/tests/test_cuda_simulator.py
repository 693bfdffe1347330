"""The tests of the folder `on_device` in numba's simulator, on machines without a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mt_kernels_cuda import is_usable

pytestmark = pytest.mark.skipif(
    is_usable(), reason="the kernels are tested on the GPU in this process"
)


def test_kernels_pass_in_the_simulator() -> None:
    simulate()


@pytest.mark.slow
def test_slow_tests_pass_in_the_simulator() -> None:
    simulate("-m", "slow")


def simulate(*options: str) -> None:
    """Run pytest in a new process, because numba selects the simulator when it is imported."""
    folder = Path(__file__).parent / "on_device"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr
