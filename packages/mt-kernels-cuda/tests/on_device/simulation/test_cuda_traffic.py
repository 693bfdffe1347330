"""`TrafficCounter` counts each access to global memory once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mt_kernels_cuda import SIMULATED, TILE, Cuda
from mt_kernels_cuda.simulation import Traffic, TrafficCounter, observing
from mt_tensor import operators

pytestmark = pytest.mark.skipif(not SIMULATED, reason="observes numba's simulator")

DEVICE = Cuda(np.float64)


def traffic(operation: Callable[..., Any], *shapes: tuple[int, ...]) -> dict[str, Traffic]:
    random = np.random.default_rng(0)
    operands = [DEVICE.from_numpy(random.random(shape)) for shape in shapes]
    counter = TrafficCounter()
    with observing(counter):
        operation(*operands)
    _, arrays = counter.launches[-1]
    return arrays


def tiles(size: int) -> int:
    return -(-size // TILE)


@pytest.mark.parametrize(
    ("m", "k", "n"),
    [(TILE, TILE, TILE), (2 * TILE + 1, TILE + 1, TILE), (3, 2 * TILE, 3 * TILE + 1)],
)
def test_a_product_reads_each_number_once_for_each_tile(m: int, k: int, n: int) -> None:
    arrays = traffic(DEVICE.matmul, (m, k), (k, n))
    assert arrays["a"].reads == m * k * tiles(n)
    assert arrays["b"].reads == k * n * tiles(m)
    assert (arrays["out"].writes, arrays["out"].reads) == (m * n, 0)


def test_a_map_reads_and_writes_each_number_once() -> None:
    arrays = traffic(lambda a: DEVICE.map(operators.neg, a), (5, 7))
    assert arrays["a"].reads == arrays["out"].writes == 35
    assert arrays["a"].bytes == arrays["a"].least == 8 * 35


def test_a_reduction_reads_each_number_once() -> None:
    arrays = traffic(lambda a: DEVICE.reduce(operators.add, a, 1, 0.0), (3, 50))
    assert (arrays["a"].reads, arrays["out"].writes) == (150, 3)
