"""Importing needs no GPU; using the package without one raises an error with advice."""

import os
import subprocess
import sys

import pytest

from mt_kernels_cuda import GPUNotAvailableError, diagnosis, gpu, require_gpu


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with warnings as errors."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


USE = """
import numpy as np
from mt_kernels_cuda import Cuda, GPUNotAvailableError
backend = Cuda(np.float32)
for use in (lambda: backend.zeros((2,)), lambda: backend.from_numpy(np.ones(2))):
    try:
        use()
    except GPUNotAvailableError as error:
        print(error)
"""


def test_use_without_a_gpu_says_what_to_install() -> None:
    run = python("-c", USE, NUMBA_DISABLE_CUDA="1")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    first, second = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    assert first == second
    assert len(first) == 5
    message = "\n".join(first)
    for word in ("driver", "mt-kernels-cuda[cu12]", "[cu13]", "NUMBA_ENABLE_CUDASIM=1"):
        assert word in message


def test_the_module_prints_the_diagnosis_and_fails() -> None:
    run = python("-m", "mt_kernels_cuda", NUMBA_DISABLE_CUDA="1")
    assert run.returncode == 1, run.stderr
    assert run.stdout.startswith("CUDA: no usable GPU\n")


def test_only_success_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    require_gpu.cache_clear()
    monkeypatch.setattr(gpu, "is_usable", lambda: False)
    with pytest.raises(GPUNotAvailableError) as caught:
        require_gpu()
    assert str(caught.value) == diagnosis()
    monkeypatch.setattr(gpu, "is_usable", lambda: True)
    require_gpu()
    require_gpu.cache_clear()


FORK = """
import os
from mt_kernels_cuda import GPUNotAvailableError, gpu, require_gpu
# A process that has used a GPU; this machine may have none.
gpu.SIMULATED, gpu.is_usable = False, lambda: True
require_gpu()
child = os.fork()
if child == 0:
    try:
        require_gpu()
    except GPUNotAvailableError as error:
        print(error, flush=True)
        os._exit(7)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
require_gpu()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_cannot_use_the_gpu_of_its_parent() -> None:
    run = python("-c", FORK, NUMBA_ENABLE_CUDASIM="1")
    assert run.returncode == 0, run.stderr
    message, code = run.stdout.splitlines()
    assert "is a fork of a process that has used a GPU" in message
    assert 'get_context("spawn")' in message
    assert code == "7"
