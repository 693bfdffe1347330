"""Division of work among threads: without gaps, evenly, and each part once."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu.tuned import threads
from mt_kernels_cpu.tuned.waiting import THREADS_CAN_SLEEP


@pytest.mark.parametrize("several", [1, 2, 5])
@given(st.integers(1, 50), st.integers(0, 10 * threads.PARALLEL_FROM))
def test_work_is_divided_without_gaps(several: int, count: int, steps: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads.settings, "NUMBA_NUM_THREADS", several)
        patch.setattr("numba.get_num_threads", lambda: several)
        parts = threads.partition(count, steps)
    lengths = [last - first for first, last in parts]
    assert len(parts) <= (several if steps >= threads.PARALLEL_FROM else 1)
    assert (parts[0][0], parts[-1][1]) == (0, count)
    assert [first for first, _ in parts[1:]] == [last for _, last in parts[:-1]]
    # The parts of threads that have to wake up are smaller.
    assert min(lengths) > 0
    assert lengths[0] >= max(lengths) - 1


def test_large_work_is_divided_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.get_num_threads", lambda: 4)
    monkeypatch.setattr(threads.settings, "NUMBA_NUM_THREADS", 4)
    assert threads.partition(8, 2**40) == [(0, 2), (2, 4), (4, 6), (6, 8)]


def test_work_is_not_divided_without_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.settings, "NUMBA_NUM_THREADS", 4)
    monkeypatch.setattr(threads, "JIT_IS_DISABLED", True)
    assert threads.partition(8, 2**40) == [(0, 8)]


def test_each_part_is_processed_once() -> None:
    done: list[tuple[int, int, int]] = []
    threads.run_parallel([(0, 4), (4, 5), (5, 7)], lambda *part: done.append(part))
    assert sorted(done) == [(0, 0, 4), (1, 4, 5), (2, 5, 7)]


def test_an_error_in_a_part_is_raised() -> None:
    def work(part: int, first: int, last: int) -> None:
        if part == 1:
            raise ValueError("in a part")

    with pytest.raises(ValueError, match="in a part"):
        threads.run_parallel([(0, 2), (2, 4)], work)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use three workers, whatever the number of processors."""
    monkeypatch.setattr(threads.settings, "NUMBA_NUM_THREADS", 4)
    threads._team.cache_clear()
    yield
    threads._team.cache_clear()


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("count", range(1, 9))
def test_results_are_in_order(count: int) -> None:
    for _ in range(3):
        assert threads.run_side_by_side([partial(pow, 2, i) for i in range(count)]) == [
            2**i for i in range(count)
        ]


@pytest.mark.usefixtures("workers")
def test_other_functions_finish_before_an_error_is_raised() -> None:
    done: list[int] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        done.clear()
        with pytest.raises(KeyboardInterrupt):
            threads.run_side_by_side([interrupted, *(partial(done.append, i) for i in range(3))])
        assert sorted(done) == [0, 1, 2]


@pytest.mark.usefixtures("workers")
def test_a_late_answer_is_not_taken_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    channel, get = threads._team(os.getpid()).workers[0].answers, threads.Channel.get

    def interrupted(self: threads.Channel) -> object:
        if self is channel:
            raise KeyboardInterrupt
        return get(self)

    monkeypatch.setattr(threads.Channel, "get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        threads.run_side_by_side([int, release.wait])
    release.set()
    assert threads.run_side_by_side([lambda: "first", lambda: "second"]) == ["first", "second"]


@pytest.mark.usefixtures("workers")
def test_several_threads_divide_work_at_the_same_time() -> None:
    meeting = threading.Barrier(4)
    results: list[list[int]] = []

    def divide(number: int) -> None:
        meeting.wait(30)
        for _ in range(50):
            works: list[Callable[[], int]] = [partial(int, number * 10 + i) for i in range(3)]
            results.append(threads.run_side_by_side(works))

    callers = [threading.Thread(target=divide, args=(number,)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert sorted(results) == sorted([[n * 10, n * 10 + 1, n * 10 + 2] for n in range(4)] * 50)


PROCESS = """
import os
from mt_kernels_cpu.tuned import threads
from mt_kernels_cpu.tuned.waiting import THREADS_CAN_SLEEP
works = [os.getpid] * 2
assert threads.run_side_by_side(works) == [os.getpid()] * 2
if hasattr(os, "fork"):
    child = os.fork()
    assert threads.run_side_by_side(works) == [os.getpid()] * 2
    if child:
        assert os.waitpid(child, 0)[1] == 0
print("done")
"""


def test_a_process_ends_while_workers_wait() -> None:
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROCESS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "done" in done.stdout


def test_a_recorded_step_divides_independent_work_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.settings, "NUMBA_NUM_THREADS", 2)
    monkeypatch.setattr("numba.get_num_threads", lambda: 2)
    steps = threads.INDEPENDENT_FROM
    assert threads.partition_independent(8, steps) == [(0, 8)]
    monkeypatch.setattr("mt_tensor.recording.recorder", object)
    assert threads.partition(8, steps) == [(0, 8)]
    expected = [(0, 5), (5, 8)] if THREADS_CAN_SLEEP else [(0, 8)]
    assert threads.partition_independent(8, steps) == expected
    assert threads.partition_independent(8, steps - 1) == [(0, 8)]
