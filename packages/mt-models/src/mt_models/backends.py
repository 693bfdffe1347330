"""From the name on the command line to a backend."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu import Fast, Tuned
from mt_tensor import Backend, Reference

BACKENDS = ("reference", "fast", "tuned", "cuda", "cuda-tuned")
"""The names that `make_backend` knows."""

Dtype = Literal["float64", "float32"]


def default_dtype(name: str) -> Dtype:
    """Return the type of numbers in which a backend computes unless told otherwise.

    The course's loops are in double precision, so that gradients can be checked sharply; the tuned
    kernels are for training, which needs no more than single precision.
    """
    return "float32" if name.endswith("tuned") else "float64"


class BackendNotAvailableError(RuntimeError):
    """A backend cannot compute on this machine; the message says what is missing."""


def make_backend(name: str, dtype: npt.DTypeLike = np.float64) -> Backend:
    """Return the backend of a name.

    Args:
        name: One of `BACKENDS`.
        dtype: The type of its numbers, float64 or float32.

    Raises:
        ValueError: There is no such backend.
        ImportError: The GPU's package is not installed.
        BackendNotAvailableError: There is no usable GPU, and it is not simulated.
    """
    if name == "reference":
        return Reference(dtype)
    if name == "fast":
        return Fast(dtype)
    if name == "tuned":
        return Tuned(dtype)
    if name == "cuda":
        # Only who asks for the GPU needs its package.
        from mt_kernels_cuda import Cuda

        return _on_device(Cuda(dtype))
    if name == "cuda-tuned":
        from mt_kernels_cuda.tuned import TunedCuda

        return _on_device(TunedCuda(dtype))
    raise ValueError(f"backend {name!r} does not exist; choose one of {', '.join(BACKENDS)}")


def _on_device(backend: Backend) -> Backend:
    """Return a backend of the GPU if there is one."""
    try:
        backend.empty(())
    except RuntimeError as error:
        raise BackendNotAvailableError(str(error)) from error
    return backend
