"""The *occupancy* of a kernel: the share of a multiprocessor's warps that it can keep.

While some warps wait for memory, others run; with few of them, the multiprocessor waits, too. A
block is only taken in whole: if its warps, its registers and its shared memory fit beside those of
the blocks that are there.
"""

from dataclasses import dataclass

Capability = tuple[int, int]

WARP = 32


@dataclass(frozen=True)
class Multiprocessor:
    """The resources of a multiprocessor.

    Attributes:
        warps: The most warps that it holds.
        blocks: The most blocks that it holds.
        shared: Bytes of shared memory.
        reserved: Bytes of it that the system takes for each block.
        unit: Bytes in which shared memory is given out.
    """

    warps: int
    blocks: int
    shared: int
    reserved: int
    unit: int


REGISTERS = 65_536
"""Of a multiprocessor and of a block, in all of these generations."""

REGISTER_UNIT = 256
"""Registers in which a warp is given its own."""

MULTIPROCESSORS: dict[Capability, Multiprocessor] = {
    (7, 5): Multiprocessor(32, 16, 64 * 1024, 0, 256),
    (8, 0): Multiprocessor(64, 32, 164 * 1024, 1024, 128),
    (9, 0): Multiprocessor(64, 32, 228 * 1024, 1024, 128),
}
"""CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"; the units are
those of NVIDIA's occupancy calculator."""


def occupancy(capability: Capability, threads: int, registers: int, shared: int) -> float:
    """Return the share of a multiprocessor's warps that a kernel can keep.

    Args:
        capability: Of the GPU, one of `MULTIPROCESSORS`.
        threads: Of a block.
        registers: Of a thread.
        shared: Bytes of shared memory of a block.

    >>> occupancy((8, 0), 256, 32, 0)
    1.0
    >>> occupancy((8, 0), 256, 64, 0)
    0.5
    >>> occupancy((9, 0), 1024, 65, 0)  # More registers than there are.
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
