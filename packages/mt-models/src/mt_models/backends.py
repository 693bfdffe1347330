"""Backends by their names on the command line."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu import Fast, Tuned
from mt_tensor import Backend, Reference

BACKENDS = ("reference", "fast", "tuned", "cuda", "cuda-tuned")
"""The names that `make_backend` accepts."""

Dtype = Literal["float64", "float32"]


def default_dtype(name: str) -> Dtype:
    """Return the default dtype of a backend.

    The default is float64 for the course's loops, so that gradients can be checked precisely, and
    float32 for the tuned kernels, which suffices for training.
    """
    return "float32" if name.endswith("tuned") else "float64"


class BackendNotAvailableError(RuntimeError):
    """A backend is not available on this machine; the message names the missing part."""


def make_backend(name: str, dtype: npt.DTypeLike = np.float64) -> Backend:
    """Return the backend with a name.

    Args:
        name: One of `BACKENDS`.
        dtype: Its dtype, float64 or float32.

    Raises:
        ValueError: There is no such backend.
        ImportError: The GPU's package is not installed.
        BackendNotAvailableError: There is no usable GPU, and the simulator is off.
    """
    if name == "reference":
        return Reference(dtype)
    if name == "fast":
        return Fast(dtype)
    if name == "tuned":
        return Tuned(dtype)
    if name in ("cuda", "cuda-tuned"):
        try:
            # Imported here: only the GPU backends need the package.
            from mt_kernels_cuda import Cuda, TunedCuda
        except ModuleNotFoundError as error:
            # An incomplete installation of the package's dependencies keeps its own message.
            if error.name != "mt_kernels_cuda":
                raise
            raise ModuleNotFoundError(
                f"backend {name!r} needs the package mt-kernels-cuda, which is not installed; "
                'install it with: pip install "mt-models[cuda]"',
                name=error.name,
            ) from error
        return _on_device(TunedCuda(dtype) if name == "cuda-tuned" else Cuda(dtype))
    raise ValueError(f"backend {name!r} does not exist; allowed: {', '.join(BACKENDS)}")


def _on_device(backend: Backend) -> Backend:
    """Return a GPU backend if there is a GPU."""
    try:
        backend.empty(())
    except RuntimeError as error:
        raise BackendNotAvailableError(str(error)) from error
    return backend
