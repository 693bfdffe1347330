"""Our backends on a GPU, and the one on the processor that results are compared with."""

import numpy as np

from mt_kernels_cpu import Fast, Tuned
from mt_kernels_cuda import SIMULATED, Cuda
from mt_kernels_cuda.tuned import TunedCuda
from mt_tensor import Backend, Reference

TOLERANCES = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 2e-4}
"""How far a result may be from the processor's double precision, relative to the largest number:
sums of a thousand terms lose up to three of the seven digits of single precision."""


def on_the_gpu() -> dict[str, Backend]:
    """Return our backends by name."""
    return {"course": Cuda(np.float64), "tuned": TunedCuda(np.float32)}


def judge() -> Backend:
    """Return what says which results are right: the specification itself, where it is fast enough.

    Its plain loops take hours for a real size; the course's compiled loops, which the tests hold
    to it, take its place there.
    """
    return Reference(np.float64) if SIMULATED else Fast(np.float64)


def on_the_processor() -> Backend:
    """Return the backend whose speed stands beside the GPU's."""
    return Tuned(np.float32)
