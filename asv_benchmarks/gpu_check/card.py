"""Properties of a GPU, and its peak performance."""

from dataclasses import dataclass
from importlib import metadata
from typing import Any

from numba import cuda

from mt_kernels_cuda import SIMULATED

CORES = {(7, 0): 64, (7, 2): 64, (7, 5): 64, (8, 0): 64, (8, 6): 128, (8, 7): 128, (8, 9): 128}
"""Single-precision units per multiprocessor by compute capability; 128 from 9.0 on. Source: CUDA
C++ Programming Guide, table "Arithmetic Instructions". A wrong value scales the peak
performance."""


@dataclass(frozen=True)
class Card:
    """A GPU.

    Attributes:
        name: The name of the product.
        capability: The compute capability, such as "9.0".
        multiprocessors: The number of multiprocessors.
        flops: The peak of single-precision operations per second, at the highest clock.
        bandwidth: The peak of bytes per second from and to its memory.
        versions: The versions of the libraries that our kernels use.
    """

    name: str
    capability: str
    multiprocessors: int
    flops: float
    bandwidth: float
    versions: dict[str, str]


def detect() -> Card:
    """Return the properties of the GPU; on the simulator, both peaks are 0."""
    versions = {name: metadata.version(name) for name in ("numpy", "numba")}
    for name in ("numba-cuda", "torch"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if SIMULATED:
        return Card("numba's simulator", "none", 0, 0.0, 0.0, versions)
    device: Any = cuda.get_current_device()
    capability = tuple(device.compute_capability)
    units = CORES.get(capability, 128) * device.MULTIPROCESSOR_COUNT
    # The driver reports clocks in kHz and the width in bits; memory moves two words a cycle.
    flops = 2.0 * units * device.CLOCK_RATE * 1e3
    bandwidth = 2.0 * device.MEMORY_CLOCK_RATE * 1e3 * device.GLOBAL_MEMORY_BUS_WIDTH / 8
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    number = ".".join(map(str, capability))
    return Card(name, number, device.MULTIPROCESSOR_COUNT, flops, bandwidth, versions)
