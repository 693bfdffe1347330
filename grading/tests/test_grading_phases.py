"""Phases of a run: the times of a simulated clock are counted for the right phases."""

import threading
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.phases import Phases, credit, measuring, phase


@dataclass
class Clock:
    """A clock that a test advances."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@given(before=st.integers(0, 9), inside=st.integers(0, 9), after=st.integers(0, 9))
def test_divided_phase(before: int, inside: int, after: int) -> None:
    clock = Clock()
    phases = Phases(clock)
    with phases.phase("checks", divided=True):
        clock.now += before
        with phases.phase("replays"):
            clock.now += inside
        clock.now += after
    assert phases.seconds == {"checks": before + after, "replays": inside}


@given(times=st.lists(st.integers(0, 9), min_size=2, max_size=2))
def test_undivided_phase_covers_phases_in_it(times: list[int]) -> None:
    clock = Clock()
    phases = Phases(clock)
    with phases.phase("speed"):
        clock.now += times[0]
        with phases.phase("imports"):
            clock.now += times[1]
        phases.credit("compilation", 1.0)
    assert phases.seconds == {"speed": sum(times)}


@given(whole=st.integers(2, 9), part=st.integers(1, 2))
def test_credit_to_another_phase(whole: int, part: int) -> None:
    clock = Clock()
    phases = Phases(clock)
    phases.credit("compilation", part)
    with phases.phase("checks", divided=True):
        clock.now += whole
        phases.credit("compilation", part)
    assert phases.seconds == {"checks": whole - part, "compilation": part}


def test_phase_that_ends_with_an_exception() -> None:
    clock = Clock()
    phases = Phases(clock)
    with pytest.raises(ValueError, match="wrong"), phases.phase("checks", divided=True):
        clock.now += 2
        raise ValueError("wrong")
    with phases.phase("speed"):
        clock.now += 1
    assert phases.seconds == {"checks": 2, "speed": 1}


def test_longest_phase_first() -> None:
    clock = Clock()
    phases = Phases(clock)
    for name, seconds in (("a", 1), ("b", 3), ("c", 2), ("a", 4)):
        with phases.phase(name):
            clock.now += seconds
    assert list(phases.seconds.items()) == [("a", 5), ("b", 3), ("c", 2)]


def test_threads_have_separate_open_phases() -> None:
    clock = Clock()
    phases = Phases(clock)

    def uncounted() -> None:
        with phases.uncounted(), phases.phase("imports"):
            clock.now += 1

    def counted() -> None:
        with phases.phase("replays"):
            clock.now += 2

    with phases.phase("checks", divided=True):
        for work in (uncounted, counted):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    assert phases.seconds == {"checks": 3, "replays": 2}


def test_phases_of_the_current_run() -> None:
    with measuring() as outer:
        with measuring() as inner, phase("checks", divided=True):
            credit("compilation", 1e-9)
        with phase("speed"):
            pass
    assert set(inner.seconds) == {"checks", "compilation"}
    assert set(outer.seconds) == {"speed"}
