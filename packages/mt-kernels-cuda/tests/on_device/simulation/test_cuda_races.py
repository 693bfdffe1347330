"""The detector of races finds threads that do not wait for each other."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED
from mt_kernels_cuda.jit import device_function
from mt_kernels_cuda.simulation import RaceError, blocks

pytestmark = pytest.mark.skipif(not SIMULATED, reason="watches numba's simulator")

Launch = Callable[..., Any]


def neighbours(out: Any) -> None:
    cells = cuda.shared.array(4, out.dtype)
    thread = cuda.threadIdx.x
    cells[thread] = thread
    out[thread] = cells[(thread + 1) % 4]


def one_cell(out: Any) -> None:
    out[0] = cuda.grid(1)


def same_value(out: Any) -> None:
    cells = cuda.shared.array(1, out.dtype)
    cells[0] = 7.0
    cuda.syncthreads()
    out[0] = cells[0]


def reads_and_writes(out: Any) -> None:
    i = cuda.grid(1)
    out[i] = out[(i + 1) % 4] + 1.0


def counts(out: Any) -> None:
    cuda.atomic.add(out, 0, 1.0)


def counts_and_reads(out: Any) -> None:
    cuda.atomic.add(out, 0, 1.0)
    out[cuda.grid(1) + 1] = out[0]


def rows(out: Any) -> None:
    tile = cuda.shared.array((2, 2), out.dtype)
    row = tile[cuda.threadIdx.x]
    row[0] = 1.0 + cuda.threadIdx.x
    out[cuda.threadIdx.x] = tile[1 - cuda.threadIdx.x, 0]


@device_function
def exchange(cells: Any, thread: int) -> float:
    cells[thread] = thread
    cuda.syncthreads()
    return float(cells[1 - thread])


def in_a_function(out: Any) -> None:
    cells = cuda.shared.array(2, out.dtype)
    out[cuda.threadIdx.x] = exchange(cells, cuda.threadIdx.x)
    out[cuda.threadIdx.x] += exchange(cells, cuda.threadIdx.x)


@pytest.mark.parametrize(
    ("fn", "blocks", "threads", "message"),
    [
        (neighbours, 1, 4, r"threads 0 and 1 of block 0 touch cells\[1\] in shared memory with no"),
        (one_cell, 1, 2, r"threads 0 and 1 of block 0 touch out\[0\] in global memory with no"),
        (one_cell, 2, 1, r"blocks 0 and 1 touch out\[0\] in global memory and blocks have no ord"),
        (reads_and_writes, 1, 4, r"thread 0 reads it in line \d+ .* thread 1 writes it in line"),
        (counts_and_reads, 1, 2, r"touch out\[0\] in global memory"),
        (rows, 1, 2, r"touch tile\[1, 0\] in shared memory"),
        (in_a_function, 1, 2, r"threads 0 and 1 of block 0 touch cells\[0\] .*test_cuda_races.py"),
    ],
)
def test_a_race_is_told(
    launch: Launch, fn: Callable[..., None], blocks: int, threads: int, message: str
) -> None:
    with pytest.raises(RaceError, match=f"^{fn.__name__}: .*{message}"):
        launch(fn, np.arange(5.0), blocks, threads)


@pytest.mark.parametrize(
    ("fn", "blocks", "threads", "result"),
    [(same_value, 2, 2, 7.0), (counts, 2, 2, 4.0), (one_cell, 1, 1, 0.0)],
)
def test_no_race_no_report(
    launch: Launch, fn: Callable[..., None], blocks: int, threads: int, result: float
) -> None:
    assert launch(fn, np.zeros(2), blocks, threads)[0] == result


def test_a_race_leaves_the_simulator_in_order(launch: Launch) -> None:
    for _ in range(3):
        with pytest.raises(RaceError):
            launch(neighbours, np.zeros(4), threads=4)
        assert launch(counts, np.zeros(2), 2, 2)[0] == 4.0


@pytest.mark.parametrize("fn", [neighbours, in_a_function])
def test_without_greenlet_it_is_the_same(
    launch: Launch, fn: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads of the system take the place of greenlets, and are used again."""
    monkeypatch.setattr(blocks, "greenlets", lambda: None)
    for _ in range(3):
        with pytest.raises(RaceError):
            launch(fn, np.zeros(4), threads=2)
        assert launch(counts, np.zeros(2), 3, 4)[0] == 12.0
