"""The race detector finds accesses of threads that no barrier orders."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED
from mt_kernels_cuda.jit import device_function
from mt_kernels_cuda.simulation import RaceError, blocks

pytestmark = pytest.mark.skipif(not SIMULATED, reason="observes numba's simulator")

Launch = Callable[..., Any]


def neighbours(out: Any) -> None:
    tile = cuda.shared.array(4, out.dtype)
    thread = cuda.threadIdx.x
    tile[thread] = thread
    out[thread] = tile[(thread + 1) % 4]


def one_element(out: Any) -> None:
    out[0] = cuda.grid(1)


def same_value(out: Any) -> None:
    tile = cuda.shared.array(1, out.dtype)
    tile[0] = 7.0
    cuda.syncthreads()
    out[0] = tile[0]


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
def exchange(tile: Any, thread: int) -> float:
    tile[thread] = thread
    cuda.syncthreads()
    return float(tile[1 - thread])


def in_a_function(out: Any) -> None:
    tile = cuda.shared.array(2, out.dtype)
    out[cuda.threadIdx.x] = exchange(tile, cuda.threadIdx.x)
    out[cuda.threadIdx.x] += exchange(tile, cuda.threadIdx.x)


@pytest.mark.parametrize(
    ("fn", "blocks", "threads", "message"),
    [
        (
            neighbours,
            1,
            4,
            r"threads 0 and 1 of block 0 access tile\[1\] in shared memory with no",
        ),
        (one_element, 1, 2, r"threads 0 and 1 of block 0 access out\[0\] in global memory with no"),
        (
            one_element,
            2,
            1,
            r"blocks 0 and 1 access out\[0\] in global memory and blocks have no ord",
        ),
        (reads_and_writes, 1, 4, r"thread 0 reads it in line \d+ .* thread 1 writes it in line"),
        (counts_and_reads, 1, 2, r"access out\[0\] in global memory"),
        (rows, 1, 2, r"access tile\[1, 0\] in shared memory"),
        (in_a_function, 1, 2, r"threads 0 and 1 of block 0 access tile\[0\] .*test_cuda_races.py"),
    ],
)
def test_a_race_is_reported(
    launch: Launch, fn: Callable[..., None], blocks: int, threads: int, message: str
) -> None:
    with pytest.raises(RaceError, match=f"^{fn.__name__}: .*{message}"):
        launch(fn, np.arange(5.0), blocks, threads)


@pytest.mark.parametrize(
    ("fn", "blocks", "threads", "result"),
    [(same_value, 2, 2, 7.0), (counts, 2, 2, 4.0), (one_element, 1, 1, 0.0)],
)
def test_a_kernel_without_a_race_runs(
    launch: Launch, fn: Callable[..., None], blocks: int, threads: int, result: float
) -> None:
    assert launch(fn, np.zeros(2), blocks, threads)[0] == result


def test_the_simulator_works_after_a_race(launch: Launch) -> None:
    for _ in range(3):
        with pytest.raises(RaceError):
            launch(neighbours, np.zeros(4), threads=4)
        assert launch(counts, np.zeros(2), 2, 2)[0] == 4.0


@pytest.mark.parametrize("fn", [neighbours, in_a_function])
def test_operating_system_threads_replace_greenlets(
    launch: Launch, fn: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without greenlet, operating-system threads run the kernel and are reused."""
    monkeypatch.setattr(blocks, "greenlets", lambda: None)
    for _ in range(3):
        with pytest.raises(RaceError):
            launch(fn, np.zeros(4), threads=2)
        assert launch(counts, np.zeros(2), 3, 4)[0] == 12.0
