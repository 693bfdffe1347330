"""Kernels called from several Python threads at once."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import threading
import numba
import numpy as np
from mt_kernels_cpu import Fast
from mt_tensor import operators

class OnAllThreads(Fast):
    parallel_from = 0

fast = OnAllThreads()
a = fast.from_numpy(np.random.default_rng(0).normal(size=(3, 2, 5, 5)))

def compute():
    sums = fast.reduce(operators.add, fast.zip(operators.mul, a, a), 3, 0.0)
    return fast.to_numpy(fast.convolve(a, fast.matmul(a, sums))).tobytes()

expected = compute()
wrong = []

def worker():
    for _ in range(200):
        if compute() != expected:
            wrong.append(threading.get_ident())

threads = [threading.Thread(target=worker) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(numba.threading_layer(), "wrong:", len(wrong))
"""


@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_kernels_called_from_several_python_threads(layer: str) -> None:
    environment = {**os.environ, "NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.stdout.endswith("wrong: 0\n"), done.stderr
    assert layer in ("default", done.stdout.split()[0])
