"""Checks whether kernels can run on this machine, and a report of what is missing."""

import functools
import importlib.metadata
import os

import numba
from numba import config, cuda
from numba.cuda.cudadrv import nvvm

SIMULATED = bool(config.ENABLE_CUDASIM)  # type: ignore[attr-defined]
"""True if numba's simulator replaces a GPU and runs every thread of a kernel in Python."""


class GPUNotAvailableError(RuntimeError):
    """Kernels cannot run on this machine; the message says what to install."""


@functools.cache
def require_gpu() -> None:
    """Check that kernels can run, on a GPU or in the simulator.

    The first call patches the simulator where it replaces a GPU. Importing the package does not, so
    that an import has no side effects.

    Raises:
        GPUNotAvailableError: Kernels cannot run; the message is the `diagnosis`. Or the process is
            a fork of one that has used a GPU.
    """
    if _is_forked:
        raise GPUNotAvailableError(
            "CUDA: this process is a fork of a process that has used a GPU, and CUDA does not work "
            'in it; start processes with multiprocessing.get_context("spawn"), or use the GPU only '
            "after the fork"
        )
    if not is_usable():
        raise GPUNotAvailableError(diagnosis())
    if not SIMULATED and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_note_fork)
    if SIMULATED:
        # This module can be imported only where numba's simulator replaces a GPU.
        from mt_kernels_cuda.simulation import is_patched, patch_simulator

        # The grader has patched it with its own copy before it calls a submission.
        if not is_patched():
            patch_simulator()


_is_forked = False


def _note_fork() -> None:
    """Make `require_gpu` raise its error in this process, a forked child."""
    global _is_forked
    _is_forked = True
    require_gpu.cache_clear()


def is_usable() -> bool:
    """Return True if kernels can run, on a GPU or in the simulator."""
    return SIMULATED or (cuda.is_available() and nvvm.is_available() and len(cuda.gpus) > 0)


def diagnosis() -> str:
    """Return the state of compiler and driver, and what to install, in a few lines."""
    lines = [f"kernels    {_provider()}"]
    if SIMULATED:
        return "\n".join(
            [
                "CUDA: simulated on the processor (NUMBA_ENABLE_CUDASIM is set), correct but slow",
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
    """Return the versions of numba and of its CUDA target."""
    try:
        version = importlib.metadata.version("numba-cuda")
    except importlib.metadata.PackageNotFoundError:
        return f"numba {numba.__version__} with its built-in CUDA target"
    return f"numba {numba.__version__} with numba-cuda {version}"


def _driver() -> str:
    """Return the names of the GPUs, or the reason why there is none."""
    problem = str(cuda.cuda_error() or "").strip()
    if problem:
        return f"not found ({problem.splitlines()[0].rstrip('.')})"
    try:
        names = [gpu.name for gpu in cuda.gpus]
    except Exception as error:  # The class of this error depends on the version of numba.
        return f"not usable ({error})"
    known = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
    return ", ".join(known) if known else "found, but there is no GPU"


def _compiler() -> str:
    """Return the state of the compiler."""
    return "NVVM found" if nvvm.is_available() else "NVVM not found"
