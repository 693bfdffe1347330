"""Deadlines of learners, and the deductions for late hand-ins."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from grading.policy.model import Late, Policy, Unit
from grading.reports import words

UNITS: dict[Unit, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass(frozen=True)
class Lateness:
    """The delay of a hand-in.

    Attributes:
        units: Started hours or days after the deadline; days without a rule for late hand-ins.
        unit: The unit.
        counts: False for a hand-in after the last moment.
    """

    units: int
    unit: Unit
    counts: bool = True

    @property
    def text(self) -> str:
        """The delay in words; empty in time."""
        return f"{words.plural(self.units, self.unit)} late" if self.units else ""


def deadline_of(policy: Policy, learner: str) -> datetime | None:
    """Return the deadline of a learner, with the extensions of the learner and of the pair."""
    if policy.deadline is None:
        return None
    named = {learner, *(pair.name for pair in policy.pairs if learner in pair.members)}
    extended = [each.until for each in policy.extensions if each.who in named]
    return max([policy.deadline.at, *extended])


def lateness(policy: Policy, learner: str, handed_in: datetime | None) -> Lateness:
    """Return the delay of a hand-in of a learner; none without a deadline or a time.

    The last moment of the rule for late hand-ins moves with an extension.
    """
    late, deadline = policy.late, deadline_of(policy, learner)
    unit: Unit = "day" if late is None else late.per
    if policy.deadline is None or deadline is None or handed_in is None:
        return Lateness(0, unit)
    delay = handed_in - deadline
    if delay <= timedelta(minutes=policy.deadline.grace_minutes):
        return Lateness(0, unit)
    moved = deadline - policy.deadline.at
    last = None if late is None or late.until is None else late.until + moved
    return Lateness(ceil(delay / UNITS[unit]), unit, last is None or handed_in <= last)


def deduction(late: Late | None, lateness: Lateness, earned: float, possible: float) -> float:
    """Return the points to deduct for a delay; at most all that are earned.

    Without a rule, a delay is shown and costs nothing.

    Args:
        late: The rule.
        lateness: The delay.
        earned: The earned points.
        possible: The possible points.
    """
    if late is None or not lateness.units:
        return 0.0
    basis = earned if late.of == "earned" else possible
    if late.points is not None:
        lost = late.points * lateness.units
    else:
        lost = basis * (late.percent or 0.0) * lateness.units / 100.0
    return min(lost, basis * late.at_most_percent / 100.0, earned)
