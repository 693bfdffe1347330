"""Checks that kernels can run here, and reports what is missing if they cannot."""

import functools
import importlib.metadata

import numba
from numba import config, cuda
from numba.cuda.cudadrv import nvvm

SIMULATED = bool(config.ENABLE_CUDASIM)  # type: ignore[attr-defined]
"""True if numba's simulator replaces a GPU: every thread of a kernel runs in Python."""


class GPUNotAvailableError(RuntimeError):
    """Kernels cannot run here; the message says what is missing and how to get it."""


@functools.cache
def require_gpu() -> None:
    """Return if kernels can run, on a GPU or in the simulator.

    The first call patches the simulator, if it replaces a GPU here: importing the package changes
    nothing of the process.

    Raises:
        GPUNotAvailableError: They cannot; the message is the `diagnosis`.
    """
    if not is_usable():
        raise GPUNotAvailableError(diagnosis())
    if SIMULATED:
        # numba's simulator is there only where it replaces a GPU.
        from mt_kernels_cuda.simulation import is_patched, patch_simulator

        # The grader patches it with a copy of its own, before a submission is called.
        if not is_patched():
            patch_simulator()


def is_usable() -> bool:
    """Return whether kernels can run, on a GPU or in the simulator."""
    return SIMULATED or (cuda.is_available() and nvvm.is_available() and len(cuda.gpus) > 0)


def diagnosis() -> str:
    """Return in a few lines what this machine has, what it lacks, and how to get that."""
    lines = [f"kernels    {_provider()}"]
    if SIMULATED:
        return "\n".join(
            [
                "CUDA: simulated on the processor (NUMBA_ENABLE_CUDASIM is set), right but slow",
                *lines,
            ]
        )
    lines = [f"{lines[0]}, {_compiler()}", f"driver     {_driver()}"]
    if is_usable():
        return "\n".join(["CUDA: ready", *lines])
    return "\n".join(
        [
            "CUDA: no usable GPU",
            *lines,
            'with a GPU: install its driver, then pip install "mt-kernels-cuda[cu12]" (or [cu13])',
            "without one: set NUMBA_ENABLE_CUDASIM=1 before Python starts, to simulate it",
        ]
    )


def _provider() -> str:
    """Say whose CUDA target is in use."""
    try:
        version = importlib.metadata.version("numba-cuda")
    except importlib.metadata.PackageNotFoundError:
        return f"numba {numba.__version__} with its own CUDA target"
    return f"numba {numba.__version__} with numba-cuda {version}"


def _driver() -> str:
    """Say which GPUs the driver knows, or why there is none."""
    problem = str(cuda.cuda_error() or "").strip()
    if problem:
        return f"not found ({problem.splitlines()[0].rstrip('.')})"
    try:
        names = [gpu.name for gpu in cuda.gpus]
    except Exception as error:  # Every version of numba has its own class for this.
        return f"not usable ({error})"
    known = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
    return ", ".join(known) if known else "found, but it knows no GPU"


def _compiler() -> str:
    """Say whether kernels can be compiled."""
    return "NVVM found" if nvvm.is_available() else "NVVM not found"
