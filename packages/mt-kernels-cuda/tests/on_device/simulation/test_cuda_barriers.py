"""Barriers that only some threads of a block reach are reported."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED
from mt_kernels_cuda.jit import device_function
from mt_kernels_cuda.simulation import BarrierError, blocks

pytestmark = pytest.mark.skipif(not SIMULATED, reason="observes numba's simulator")

Launch = Callable[..., Any]


def counts(out: Any) -> None:
    cuda.atomic.add(out, 0, 1.0)


def in_a_branch(out: Any) -> None:
    if cuda.threadIdx.x < 2:
        cuda.syncthreads()
    out[cuda.grid(1)] = 1.0
    cuda.syncthreads()


def one_of_two(out: Any) -> None:
    if cuda.threadIdx.x == 1:
        cuda.syncthreads()
        out[0] = 1.0
    else:
        cuda.syncthreads()


@device_function
def wait() -> None:
    cuda.syncthreads()


def in_two_calls(out: Any) -> None:
    if cuda.threadIdx.x == 0:
        wait()
        out[0] = 1.0
    else:
        wait()


def counting_in_a_branch(out: Any) -> None:
    if cuda.threadIdx.x == 0:
        cuda.syncthreads_count(1)
    else:
        cuda.syncthreads()


def ended_before_two(out: Any) -> None:
    if cuda.threadIdx.x == 3:
        return
    in_a_branch_too(cuda.threadIdx.x)


@device_function
def in_a_branch_too(thread: int) -> None:
    if thread == 2:
        cuda.syncthreads()
    cuda.syncthreads()


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (in_a_branch, r"threads 0 and 1 wait in line \d+ of test_.*py and threads 2 and 3 wait in"),
        (one_of_two, r"threads 0, 2 and 3 wait in line \d+ of .* and thread 1 waits in line"),
        (in_two_calls, r"thread 0 waits in .* and threads 1, 2 and 3 wait in line"),
        (counting_in_a_branch, r"thread 0 waits in .* and threads 1, 2 and 3 wait in line"),
        (ended_before_two, r"threads 0 and 1 wait in .* and thread 2 waits in line \d+ of .*py$"),
    ],
)
@pytest.mark.parametrize("system_threads", [False, True])
def test_a_barrier_of_some_threads_is_reported(
    launch: Launch,
    fn: Callable[..., None],
    message: str,
    system_threads: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if system_threads:
        monkeypatch.setattr(blocks, "greenlets", lambda: None)
    with pytest.raises(BarrierError, match=f"^{fn.__name__}: the threads of .*{message}") as caught:
        launch(fn, np.zeros(8), 2, 4)
    assert caught.value.kernel == fn.__name__
    assert caught.value.block in ((0, 0, 0), (1, 0, 0))
    found = [thread for those in caught.value.threads.values() for thread in those]
    waiting = 3 if fn is ended_before_two else 4
    assert sorted(found) == [(x, 0, 0) for x in range(waiting)]
    # The simulator works after the error.
    assert launch(counts, np.zeros(2), 2, 4)[0] == 8.0


def test_a_message_names_some_of_many_threads(launch: Launch) -> None:
    with pytest.raises(BarrierError, match=r"threads 2, 3, 4 and 4 more wait in line \d+ of"):
        launch(in_a_branch, np.zeros(9), 1, 9)


# A barrier does not wait for threads that have ended.


def ended_before(out: Any) -> None:
    if cuda.grid(1) > 5:
        return
    cuda.syncthreads()
    out[cuda.grid(1)] = 1.0


def branch_at_the_end(out: Any) -> None:
    out[cuda.grid(1)] = 1.0
    if cuda.threadIdx.x < 2:
        cuda.syncthreads()


def more_often(out: Any) -> None:
    for _ in range(1 + cuda.threadIdx.x // 3):
        cuda.syncthreads()
    out[cuda.grid(1)] = 1.0


@pytest.mark.parametrize("fn", [ended_before, branch_at_the_end, more_often])
@pytest.mark.parametrize("system_threads", [False, True])
def test_threads_may_end_before_a_barrier(
    launch: Launch, fn: Callable[..., None], system_threads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if system_threads:
        monkeypatch.setattr(blocks, "greenlets", lambda: None)
    assert launch(fn, np.zeros(8), 2, 4)[:6].all()


def branch_of_a_block(out: Any) -> None:
    if cuda.blockIdx.x == 0:
        cuda.syncthreads()
    for _ in range(cuda.blockIdx.x + 1):
        wait()
    out[cuda.grid(1)] = 1.0


def test_blocks_may_reach_different_barriers(launch: Launch) -> None:
    assert launch(branch_of_a_block, np.zeros(8), 2, 4).all()
