"""On a machine without a GPU, the tests of the folder `on_device` run in numba's simulator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mt_kernels_cuda import is_usable


@pytest.mark.skipif(is_usable(), reason="the tests of the kernels run in this process")
def test_kernels_in_the_simulator() -> None:
    """numba chooses the simulator when it is imported, so this takes a process of its own."""
    folder = Path(__file__).parent / "on_device"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr
