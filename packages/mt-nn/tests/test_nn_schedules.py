"""Learning-rate schedules."""

import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_nn import (
    ConstantRate,
    CosineDecay,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    Schedule,
    StepDecay,
)

rates = st.floats(0.0, 10.0)
counts = st.integers(1, 200)


@given(rates, counts, st.floats(0.0, 1.0), st.integers(0, 1000))
def test_step_decay_multiplies_the_rate(lr: float, every: int, factor: float, step: int) -> None:
    expected = lr
    for earlier in range(1, step + 1):
        if earlier % every == 0:
            expected *= factor
    assert StepDecay(lr, every, factor)(step) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(rates, counts, rates)
def test_cosine_decay_from_first_to_last_rate(lr: float, steps: int, final: float) -> None:
    schedule = CosineDecay(lr, steps, final)
    wave = np.array([schedule(step) for step in range(steps + 3)])
    assert wave[0] == lr
    assert (wave[steps:] == final).all()
    # Point-symmetric about its middle, and monotonic.
    np.testing.assert_allclose(wave[: steps + 1] + wave[steps::-1], lr + final, atol=1e-12)
    change = np.diff(wave) * math.copysign(1.0, final - lr)
    assert (change >= -1e-12).all()


def test_cosine_decay_between_the_ends() -> None:
    # cos(π/3) = 1/2: after a third of the steps the rate has decreased by a quarter.
    assert CosineDecay(2.0, steps=6)(2) == pytest.approx(1.5)


@given(counts, rates, st.integers(0, 400))
def test_warmup_is_linear_to_the_next_schedule(steps: int, lr: float, after: int) -> None:
    then = StepDecay(lr, every=50)
    schedule = LinearWarmup(steps, then)
    climb = [0.0, *(schedule(step) for step in range(steps + 1))]
    np.testing.assert_allclose(np.diff(climb), lr / (steps + 1), atol=1e-12)
    assert schedule(steps + after) == then(after)


@given(st.integers(2, 50), st.floats(0.0, 1.0))
def test_one_cycle_rises_and_falls(steps: int, warmup: float) -> None:
    schedule = OneCycle(2.0, steps, warmup, start_factor=4.0, final_factor=10.0)
    rates = [schedule(step) for step in range(steps + 3)]
    top = int(np.argmax(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[steps:] == [rates[-1]] * 3
    assert rates[-1] == pytest.approx(0.05 if warmup < 1.0 else 2.0)
    assert 0.05 - 1e-12 <= min(rates) <= max(rates) <= 2.0


@given(st.lists(st.integers(1, 20), max_size=4).map(sorted), st.integers(0, 25))
def test_milestones(milestones: list[int], step: int) -> None:
    passed = sum(milestone <= step for milestone in milestones)
    assert MultiStepDecay(2.0, milestones, 0.5)(step) == 2.0 * 0.5**passed


@given(rates, st.integers(0, 10**9))
def test_a_constant_rate(lr: float, step: int) -> None:
    assert ConstantRate(lr)(step) == lr


SCHEDULES: list[Schedule] = [
    ConstantRate(0.1),
    StepDecay(0.1, every=3),
    CosineDecay(0.1, steps=20, final=0.01),
    LinearWarmup(5, CosineDecay(0.1, steps=20)),
    MultiStepDecay(0.1, milestones=[3, 9]),
    OneCycle(0.1, steps=20),
]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_have_no_state(schedule: Schedule) -> None:
    undisturbed = [schedule(step) for step in range(30)]
    assert [schedule(step) for step in reversed(range(30))] == undisturbed[::-1]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_steps_are_counted_from_zero(schedule: Schedule) -> None:
    with pytest.raises(ValueError, match="step -1 is negative"):
        schedule(-1)


def test_a_schedule_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        ConstantRate(0.1).lr = 0.2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ConstantRate(-0.1), "ConstantRate: lr -0.1 must be"),
        (lambda: ConstantRate(math.nan), "ConstantRate: lr nan must be"),
        (lambda: StepDecay(math.inf, 1), "StepDecay: lr inf must be"),
        (lambda: StepDecay(1.0, 0), "StepDecay: every 0 must be an integer, 1 or more"),
        (
            lambda: StepDecay(1.0, every=cast(int, 2.5)),
            "StepDecay: every 2.5 must be an integer",
        ),
        (lambda: StepDecay(1.0, 2, -1.0), "StepDecay: factor -1.0 must be"),
        (lambda: CosineDecay(1.0, 0), "CosineDecay: steps 0 must be"),
        (lambda: CosineDecay(1.0, 1, -1.0), "CosineDecay: final -1.0 must be"),
        (lambda: MultiStepDecay(1.0, (3, 0)), "MultiStepDecay: milestone 0 must be"),
        (lambda: MultiStepDecay(1.0, (3, 2)), r"milestones \(3, 2\) must be in order"),
        (lambda: OneCycle(1.0, 0), "OneCycle: steps 0 must be"),
        (lambda: OneCycle(1.0, 9, warmup=1.5), r"OneCycle: warmup 1\.5 must be a share"),
        (lambda: OneCycle(1.0, 9, start_factor=0.0), r"OneCycle: start_factor 0\.0 must be above"),
        (lambda: LinearWarmup(0, ConstantRate(1.0)), "LinearWarmup: steps 0 must be"),
    ],
)
def test_settings_out_of_range(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
