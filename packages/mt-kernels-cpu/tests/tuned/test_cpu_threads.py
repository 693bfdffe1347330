"""Division of work among threads: without gaps, evenly, and each part once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu.tuned import threads


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
