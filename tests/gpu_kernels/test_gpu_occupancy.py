"""The occupancy of a kernel follows from its resources and those of a multiprocessor."""

import pytest

from tools.gpu_kernels.occupancy import MULTIPROCESSORS, REGISTERS, WARP, occupancy


@pytest.mark.parametrize(
    ("capability", "threads", "registers", "shared", "expected"),
    [
        # Limited by warps, blocks, registers and shared memory in turn.
        ((7, 5), 1024, 32, 0, 1.0),
        ((8, 0), 1024, 32, 0, 1.0),
        ((8, 0), 32, 16, 0, 0.5),
        ((8, 0), 256, 33, 0, 0.75),
        ((9, 0), 256, 255, 0, 0.125),
        ((8, 0), 128, 32, 40 * 1024, 0.25),
        ((9, 0), 128, 32, 40 * 1024, 0.3125),
        ((7, 5), 128, 32, 33 * 1024, 0.125),
        # A block of 33 threads takes two warps.
        ((8, 0), 33, 16, 0, 1.0),
        ((8, 0), 1024, 65, 0, 0.0),
    ],
)
def test_occupancy_of_known_kernels(
    capability: tuple[int, int], threads: int, registers: int, shared: int, expected: float
) -> None:
    assert occupancy(capability, threads, registers, shared) == expected


def test_fewer_resources_never_reduce_occupancy() -> None:
    for capability, own in MULTIPROCESSORS.items():
        for threads in (32, 96, 256, 1024):
            shares = [occupancy(capability, threads, n, 1024) for n in range(16, 256)]
            assert shares == sorted(shares, reverse=True)
            blocks = own.warps * WARP
            assert all(share * blocks * n <= REGISTERS for n, share in enumerate(shares, 16))
