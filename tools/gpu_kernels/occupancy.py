"""The *occupancy* of a kernel: the share of a multiprocessor's warps that can be active.

While some warps wait for memory, others run; with few warps, the multiprocessor is idle. A block
becomes active only as a whole: its warps, registers and shared memory must be free.
"""

from dataclasses import dataclass

Capability = tuple[int, int]

WARP = 32
"""Threads of a warp."""


@dataclass(frozen=True)
class Multiprocessor:
    """The resources of a multiprocessor.

    Attributes:
        warps: The largest number of active warps.
        blocks: The largest number of active blocks.
        shared: The bytes of shared memory.
        reserved: The bytes that the system reserves for each block.
        unit: The allocation unit of shared memory in bytes.
    """

    warps: int
    blocks: int
    shared: int
    reserved: int
    unit: int


REGISTERS = 65_536
"""Registers of a multiprocessor, and most registers of a block, in all of these generations."""

REGISTER_UNIT = 256
"""Allocation unit of the registers of a warp."""

MULTIPROCESSORS: dict[Capability, Multiprocessor] = {
    (7, 5): Multiprocessor(32, 16, 64 * 1024, 0, 256),
    (8, 0): Multiprocessor(64, 32, 164 * 1024, 1024, 128),
    (9, 0): Multiprocessor(64, 32, 228 * 1024, 1024, 128),
}
"""The multiprocessor of each compute capability. Sources: CUDA C++ Programming Guide, "Technical
Specifications per Compute Capability"; NVIDIA's occupancy calculator for the units."""


def occupancy(capability: Capability, threads: int, registers: int, shared: int) -> float:
    """Return the share of a multiprocessor's warps that can be active, 0 to 1.

    Args:
        capability: The compute capability, a key of `MULTIPROCESSORS`.
        threads: The threads of a block.
        registers: The registers of a thread.
        shared: The bytes of shared memory of a block.

    >>> occupancy((8, 0), 256, 32, 0)
    1.0
    >>> occupancy((8, 0), 256, 64, 0)
    0.5
    >>> occupancy((9, 0), 1024, 65, 0)  # The registers do not suffice.
    0.0
    """
    own = MULTIPROCESSORS[capability]
    warps = _rounded_up(threads, WARP) // WARP
    each = _rounded_up(registers * WARP, REGISTER_UNIT)
    memory = _rounded_up(shared + own.reserved, own.unit)
    fit = min(own.blocks, own.warps // warps, REGISTERS // (each * warps))
    if memory:
        fit = min(fit, own.shared // memory)
    return fit * warps / own.warps


def _rounded_up(number: int, unit: int) -> int:
    return -(-number // unit) * unit
