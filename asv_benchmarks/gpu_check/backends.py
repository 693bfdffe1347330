"""Our backends on the GPU, and the backends on the processor that they are compared with."""

import numpy as np

from mt_kernels_cpu import Fast, Tuned
from mt_kernels_cuda import SIMULATED, Cuda
from mt_kernels_cuda.tuned import TunedCuda
from mt_tensor import Backend, Reference

TOLERANCES = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 2e-4}
"""Largest error by dtype, relative to the largest element of the result in double precision. Sums
of a thousand terms lose up to three of the seven digits of single precision. A larger value hides
wrong results."""


def gpu_backends() -> dict[str, Backend]:
    """Return our GPU backends by name."""
    return {"course": Cuda(np.float64), "tuned": TunedCuda(np.float32)}


def oracle() -> Backend:
    """Return the backend with the expected results, in double precision.

    In the simulator that is `Reference`. Its plain loops would take hours for real sizes; there
    `Fast` replaces it, which the tests compare with `Reference`.
    """
    return Reference(np.float64) if SIMULATED else Fast(np.float64)


def cpu_backend() -> Backend:
    """Return the backend of the processor whose speed is compared with the GPU's."""
    return Tuned(np.float32)
