"""Kernels whose threads do not wait for each other are found, and ours are not among them."""

import dis
from collections.abc import Callable
from types import CodeType
from typing import Any

import numpy as np
import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED, catalog
from mt_kernels_cuda.jit import device_function, kernel
from mt_kernels_cuda.simulation import BarrierError, RaceDetector, RaceError, blocks, observing

pytestmark = [
    pytest.mark.skipif(not SIMULATED, reason="watches numba's simulator"),
    # Overflow and infinity come silently on a GPU.
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


def kernels() -> dict[CodeType, list[catalog.Entry]]:
    """Return all launches of the table by the code of their kernel."""
    grouped: dict[CodeType, list[catalog.Entry]] = {}
    for entry in catalog.entries():
        grouped.setdefault(entry.kernel.py_func.__code__, []).append(entry)
    return grouped


KERNELS = kernels()


def run(entry: catalog.Entry, detector: RaceDetector) -> None:
    """Launch a kernel on numbers that differ, so that no write is like another by chance."""
    random = np.random.default_rng(0)
    arguments: list[Any] = []
    for argument in entry.arguments:
        if isinstance(argument, np.ndarray):
            if argument.dtype.kind == "f" and not argument.any():
                argument = np.asarray(random.random(argument.shape) + 0.5, argument.dtype)
            argument = cuda.to_device(argument)
        arguments.append(argument)
    with observing(detector):
        entry.kernel[entry.launch.blocks, entry.launch.threads](*arguments)


@pytest.mark.parametrize("code", KERNELS, ids=lambda code: code.co_name)
def test_kernels_have_no_race_and_no_barrier_too_many(code: CodeType) -> None:
    barriers = {}
    for entry in KERNELS[code]:
        detector = RaceDetector()
        run(entry, detector)
        barriers.update(detector.barriers)
    reached = {site for site in barriers if site[0] is code}
    calls = [each for each in dis.get_instructions(code) if each.argval == "syncthreads"]
    assert len(reached) == len(calls), "the examples of the table do not come to every barrier"
    for site, line in barriers.items():
        assert any(races(entry, site) for entry in KERNELS[code]), f"nothing needs line {line}"


def races(entry: catalog.Entry, site: Any) -> bool:
    """Return whether a launch without a barrier is reported."""
    try:
        run(entry, RaceDetector(without=site))
    except RaceError as error:
        assert error.kernel == entry.kernel.py_func.__name__
        assert error.first.write or error.second.write
        return True
    return False


# What the detector sees, one small kernel for each.


def launch(fn: Callable[..., None], out: Any, blocks: int = 1, threads: int = 2) -> Any:
    memory = cuda.to_device(out)
    with observing(RaceDetector()):
        kernel(fn)[blocks, threads](memory)
    return memory.copy_to_host()


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
def test_a_race_is_told(fn: Callable[..., None], blocks: int, threads: int, message: str) -> None:
    with pytest.raises(RaceError, match=f"^{fn.__name__}: .*{message}"):
        launch(fn, np.arange(5.0), blocks, threads)


@pytest.mark.parametrize(
    ("fn", "blocks", "threads", "result"),
    [(same_value, 2, 2, 7.0), (counts, 2, 2, 4.0), (one_cell, 1, 1, 0.0)],
)
def test_no_race_no_report(
    fn: Callable[..., None], blocks: int, threads: int, result: float
) -> None:
    assert launch(fn, np.zeros(2), blocks, threads)[0] == result


def test_a_race_leaves_the_simulator_in_order() -> None:
    for _ in range(3):
        with pytest.raises(RaceError):
            launch(neighbours, np.zeros(4), threads=4)
        assert launch(counts, np.zeros(2), 2, 2)[0] == 4.0


# Barriers at which not all threads of a block meet.


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
def test_a_barrier_for_some_threads_is_told(
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
    # The threads that waited do so no longer.
    assert launch(counts, np.zeros(2), 2, 4)[0] == 8.0


def test_of_many_threads_a_few_are_named() -> None:
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
def test_threads_may_end(
    fn: Callable[..., None], system_threads: bool, monkeypatch: pytest.MonkeyPatch
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


def test_whole_blocks_may_part() -> None:
    assert launch(branch_of_a_block, np.zeros(8), 2, 4).all()


@device_function
def twice(x: float) -> float:
    return 2.0 * x


def test_the_host_may_call_a_function_of_the_device() -> None:
    assert twice(3.0) == 6.0


@pytest.mark.parametrize("fn", [neighbours, in_a_function])
def test_without_greenlet_it_is_the_same(
    fn: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads of the system take the place of greenlets, and are used again."""
    monkeypatch.setattr(blocks, "greenlets", lambda: None)
    for _ in range(3):
        with pytest.raises(RaceError):
            launch(fn, np.zeros(4), threads=2)
        assert launch(counts, np.zeros(2), 3, 4)[0] == 12.0
    for code in KERNELS:
        run(KERNELS[code][0], RaceDetector())
    assert len(blocks._idle) <= 1024


def out_of_range(out: Any) -> None:
    out[cuda.grid(1)] = 1.0


def test_errors_name_the_thread() -> None:
    with pytest.raises(IndexError, match=r"out of bounds.*in thread \(1, 0, 0\) of block \(1, 0,"):
        launch(out_of_range, np.zeros(3), 2, 2)
