"""Launch shapes follow from the driver's occupancy and stay within the limits of a GPU."""

from typing import Any

import numba
import numpy as np
import pytest

from mt_kernels_cuda.launching import MAX_GRID
from mt_kernels_cuda.tuned.hardware import shapes
from mt_kernels_cuda.tuned.hardware.shapes import parts_for
from tools.gpu_kernels.catalog import RecordedCuda, RecordedTunedCuda


class Compiled:
    """A fake compiled kernel, of which `fitting` threads run at once."""

    def __init__(self, fitting: int) -> None:
        self.overloads: dict[Any, Any] = {}
        self.fitting = fitting

    def compile(self, signature: Any) -> None:
        """Record a compilation; a second one for the same types is an error."""
        assert signature not in self.overloads
        self.overloads[signature] = self

    def max_cooperative_grid_blocks(self, threads: int) -> int:
        """Return the number of blocks that run at once."""
        return self.fitting // threads


@pytest.mark.parametrize(("fitting", "expected"), [(4096, 16), (100, 1)])
def test_blocks_at_once_follow_from_the_driver(
    monkeypatch: pytest.MonkeyPatch, fitting: int, expected: int
) -> None:
    monkeypatch.setattr(shapes, "SIMULATED", False)
    kernel: Any = Compiled(fitting)
    arguments = [np.zeros(3, np.float32), 3]
    for _ in range(2):
        assert shapes.blocks_at_once(kernel, 256, arguments) == expected
    assert list(kernel.overloads) == [(numba.float32[::1], numba.int64)]


@pytest.mark.parametrize("kind", [RecordedCuda, RecordedTunedCuda])
@pytest.mark.parametrize("shape", [(70_000, 2, 2), (2, 2, 300_000), (1, 2_000_000, 2)])
def test_grids_of_products_are_within_the_limits_of_a_gpu(
    kind: Any, shape: tuple[int, ...]
) -> None:
    backend = kind(np.float32)
    batches, rows, columns = shape
    backend.matmul(backend.empty((batches, rows, 2)), backend.empty((batches, 2, columns)))
    assert backend.launches
    for launch in backend.launches:
        grid = launch.blocks if isinstance(launch.blocks, tuple) else (launch.blocks,)
        assert all(blocks <= MAX_GRID for blocks in grid[1:]), launch


def test_parts_have_a_least_number_of_terms() -> None:
    assert parts_for(1, 1000, 100, 8) == 8
    assert parts_for(1, 300, 100, 8) == 3
    assert parts_for(100, 1000, 100, 8) == 1
    assert parts_for(1, 1, 100, 8) == 1
