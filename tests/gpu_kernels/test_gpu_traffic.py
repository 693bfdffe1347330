"""The counter of traffic counts each access to global memory once."""

import os
import subprocess
import sys

from tools.workspace import ROOT

COUNT = """
import numpy as np
from mt_kernels_cuda import TILE, Cuda
from mt_kernels_cuda.simulation import TrafficCounter, observing
from mt_tensor import operators

device = Cuda(np.float64)
random = np.random.default_rng(0)


def traffic(operation, *shapes):
    operands = [device.from_numpy(random.random(shape)) for shape in shapes]
    counter = TrafficCounter()
    with observing(counter):
        operation(*operands)
    _, arrays = counter.launches[-1]
    return arrays


def up(number):
    return -(-number // TILE)


for m, k, n in [(TILE, TILE, TILE), (2 * TILE + 1, TILE + 1, TILE), (3, 2 * TILE, 3 * TILE + 1)]:
    arrays = traffic(device.matmul, (m, k), (k, n))
    # Each number is read once for each tile of the result that needs it, and written once.
    assert arrays["a"].reads == m * k * up(n), (m, k, n)
    assert arrays["b"].reads == k * n * up(m), (m, k, n)
    assert (arrays["out"].writes, arrays["out"].reads) == (m * n, 0)

arrays = traffic(lambda a: device.map(operators.neg, a), (5, 7))
assert arrays["a"].reads == arrays["out"].writes == 35
assert arrays["a"].bytes == arrays["a"].least == 8 * 35

arrays = traffic(lambda a: device.reduce(operators.add, a, 1, 0.0), (3, 50))
assert (arrays["a"].reads, arrays["out"].writes) == (150, 3)
"""


def test_what_travels() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT],
        cwd=ROOT,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
