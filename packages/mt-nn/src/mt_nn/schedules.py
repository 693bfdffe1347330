"""Learning-rate schedules: functions of the step number.

A schedule has no state. Call it before each step; training that resumes at step 1,000 then
continues with the rate of step 1,000::

    schedule = LinearWarmup(100, CosineDecay(0.1, steps=900))
    for step in range(start, 1000):
        optimizer.lr = schedule(step)
        ...

A rate that depends on a metric instead of the step is `mt_nn.Plateau`.

Steps are counted from 0. The caller chooses the unit of a step: a mini-batch or an epoch.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Protocol

from mt_autodiff.names import missing_member
from mt_nn._names import SCHEDULE_MEMBERS, package_getattr
from mt_nn._settings import as_number


class Schedule(Protocol):
    """The protocol of schedules: a function from a step number to a learning rate."""

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""


class _Named:
    """The base class of the schedules: the errors of PyTorch's names."""

    if not TYPE_CHECKING:  # A type checker would accept every name.

        def __getattr__(self, name: str) -> Any:
            raise missing_member(self, name, SCHEDULE_MEMBERS)


@dataclass(frozen=True)
class ConstantRate(_Named):
    """A constant learning rate.

    Attributes:
        lr: The rate.

    >>> ConstantRate(0.1)(1_000_000)
    0.1
    """

    lr: float

    def __post_init__(self) -> None:
        _check_rate("ConstantRate", lr=self.lr)

    def __call__(self, step: int) -> float:
        """Return the rate."""
        _check_step(step)
        return self.lr


@dataclass(frozen=True)
class StepDecay(_Named):
    r"""Step decay: $\text{lr} \cdot \text{factor}^{\lfloor t / \text{every} \rfloor}$.

    Attributes:
        lr: The initial rate.
        every: The number of steps after which the rate changes.
        factor: The factor of each change.

    >>> [StepDecay(1.0, every=2, factor=0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    lr: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check_rate("StepDecay", lr=self.lr, factor=self.factor)
        _check_steps("StepDecay", every=self.every)

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        _check_step(step)
        return self.lr * self.factor ** (step // self.every)


@dataclass(frozen=True)
class MultiStepDecay(_Named):
    r"""Decay at given steps: $\text{lr} \cdot \text{factor}^k$ after $k$ milestones.

    Attributes:
        lr: The initial rate.
        milestones: The steps at which the rate changes, in ascending order.
        factor: The factor of each change.

    >>> [MultiStepDecay(1.0, milestones=(1, 3), factor=0.5)(step) for step in range(5)]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    lr: float
    milestones: Sequence[int]
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check_rate("MultiStepDecay", lr=self.lr, factor=self.factor)
        for milestone in self.milestones:
            _check_steps("MultiStepDecay", milestone=milestone)
        if list(self.milestones) != sorted(self.milestones):
            raise ValueError(f"MultiStepDecay: milestones {self.milestones} must be in order")

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        _check_step(step)
        return self.lr * self.factor ** bisect.bisect_right(self.milestones, step)


@dataclass(frozen=True)
class CosineDecay(_Named):
    r"""Cosine decay from one rate to another, which then stays constant.

    $\text{final} + \frac{1}{2} (\text{lr} - \text{final}) (1 + \cos(\pi t / \text{steps}))$
    (Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts).

    Attributes:
        lr: The rate of step 0.
        steps: The first step with the rate `final`.
        final: The final rate.

    >>> [round(CosineDecay(1.0, steps=4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    lr: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _check_rate("CosineDecay", lr=self.lr, final=self.final)
        _check_steps("CosineDecay", steps=self.steps)

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        _check_step(step)
        return _on_cosine(self.lr, self.final, min(step / self.steps, 1.0))


@dataclass(frozen=True)
class OneCycle(_Named):
    """A rise to the largest rate and a fall below the first one, both along a cosine.

    (Smith & Topin 2019, "Super-Convergence", in the form of PyTorch's `OneCycleLR`.)

    Attributes:
        lr: The largest rate.
        steps: The number of steps; later ones have the last rate.
        warmup: The share of the steps of the rise, 0 to 1.
        start_factor: The first rate is `lr` divided by this number.
        final_factor: The last rate is the first one divided by this number.

    >>> [round(OneCycle(1.0, steps=10, start_factor=2.0)(step), 2) for step in range(0, 10, 2)]
    [0.5, 1.0, 0.81, 0.39, 0.05]
    """

    lr: float
    steps: int
    warmup: float = 0.3
    start_factor: float = 25.0
    final_factor: float = 1e4

    def __post_init__(self) -> None:
        _check_rate("OneCycle", lr=self.lr)
        _check_steps("OneCycle", steps=self.steps)
        if not 0.0 <= self.warmup <= 1.0:
            raise ValueError(f"OneCycle: warmup {self.warmup} must be a share, from 0 to 1")
        for name in ("start_factor", "final_factor"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ValueError(
                    f"OneCycle: {name} {getattr(self, name)} must be above 0 and finite"
                )

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        _check_step(step)
        first, last = self.lr / self.start_factor, self.steps - 1
        peak = self.warmup * self.steps - 1
        step = min(step, last)
        if step <= peak:
            return _on_cosine(first, self.lr, step / peak if peak else 1.0)
        return _on_cosine(self.lr, first / self.final_factor, (step - peak) / (last - peak))


@dataclass(frozen=True)
class LinearWarmup(_Named):
    r"""Linear warmup to the first rate of another schedule, which then begins.

    Step $t$ of the warmup has the rate $\text{then}(0) \cdot (t + 1) / (\text{steps} + 1)$, so that
    no step has the rate 0 and the first step after the warmup has the schedule's first rate (Goyal
    et al. 2017, "Accurate, Large Minibatch SGD", section 2.2).

    Attributes:
        steps: The number of warmup steps.
        then: The schedule after the warmup; its steps are counted from the end of the warmup.

    >>> [LinearWarmup(3, ConstantRate(1.0))(step) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    steps: int
    then: Schedule

    def __post_init__(self) -> None:
        _check_steps("LinearWarmup", steps=self.steps)

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        _check_step(step)
        if step >= self.steps:
            return self.then(step - self.steps)
        return self.then(0) * (step + 1) / (self.steps + 1)


def _on_cosine(start: float, end: float, share: float) -> float:
    """Return the rate at a share, 0 to 1, of half a cosine wave from one rate to another."""
    if share == 1.0:
        return end
    wave = 0.5 * (1.0 + math.cos(math.pi * share))
    return wave * start + (1.0 - wave) * end


def _check_rate(schedule: str, **rates: float) -> None:
    for name, rate in rates.items():
        if not 0.0 <= as_number(schedule, name, rate) < math.inf:
            raise ValueError(f"{schedule}: {name} {rate} must be a finite number, 0 or more")


def _check_steps(schedule: str, **counts: int) -> None:
    for name, count in counts.items():
        if not isinstance(count, Integral) or count < 1:
            raise ValueError(f"{schedule}: {name} {count} must be an integer, 1 or more")


def _check_step(step: int) -> None:
    if step < 0:
        raise ValueError(f"step {step} is negative; steps are counted from 0")


if not TYPE_CHECKING:  # Type checkers shall report unknown names.
    __getattr__ = package_getattr(__name__)
