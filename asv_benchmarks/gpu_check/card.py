"""What a GPU is, and the most that it can do."""

from dataclasses import dataclass
from importlib import metadata
from typing import Any

from numba import cuda

from mt_kernels_cuda import SIMULATED

CORES = {(7, 0): 64, (7, 2): 64, (7, 5): 64, (8, 0): 64, (8, 6): 128, (8, 7): 128, (8, 9): 128}
"""Units of single precision of a multiprocessor, by compute capability: table "Arithmetic
Instructions" of the CUDA C++ Programming Guide. From 9.0 on there are 128."""


@dataclass(frozen=True)
class Card:
    """A GPU.

    Attributes:
        name: What it is called.
        capability: Its compute capability, as "9.0".
        multiprocessors: How many it has.
        flops: Multiplications and additions of single precision in a second, at its highest clock.
        bandwidth: Bytes from and to its memory in a second, as its clock and width allow.
        versions: Of what our kernels rest on.
    """

    name: str
    capability: str
    multiprocessors: int
    flops: float
    bandwidth: float
    versions: dict[str, str]


def present() -> Card:
    """Describe the GPU of this process; the simulator is a card that can do nothing."""
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
    # The driver gives clocks in kHz and the width in bits; memory moves two words in a cycle.
    flops = 2.0 * units * device.CLOCK_RATE * 1e3
    bandwidth = 2.0 * device.MEMORY_CLOCK_RATE * 1e3 * device.GLOBAL_MEMORY_BUS_WIDTH / 8
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    number = ".".join(map(str, capability))
    return Card(name, number, device.MULTIPROCESSOR_COUNT, flops, bandwidth, versions)
