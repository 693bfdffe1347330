"""The verdict: a time as a multiple of our own `fast` kernels', and whether that is too slow."""

import time
from dataclasses import dataclass
from typing import Literal, TypeAlias

from asv_benchmarks.workloads import Workload
from grading.protocol.messages import Subject
from grading.speed.measure import Clock, Measurement, measure

Outcome: TypeAlias = Literal["fast enough", "too slow", "too busy"]


@dataclass(frozen=True)
class Verdict:
    """How fast a submission is on a workload.

    Attributes:
        workload: The name of the workload.
        outcome: "too busy" says nothing of the submission: the machine had no time to judge it.
        limit: How many times as long as our `fast` kernels it may take.
        ratio: How many times as long it takes, on the median; None if the machine was too busy.
        low: The lower quartile of that.
        high: The upper quartile.
        seconds: How long one call takes, on the median.
        yardstick: Its time over the yardstick's.
        transport: Which part of the time is spent on the way to the submission and back.
        rounds: How often it was measured, by the last of the measurements.
        repeated: Whether it was too slow at first, and measured again.
        reference: Its time over that of the reference solution, if that is at hand.
    """

    workload: str
    outcome: Outcome
    limit: float
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    seconds: float | None = None
    yardstick: float | None = None
    transport: float | None = None
    rounds: int = 0
    repeated: bool = False
    reference: float | None = None

    def __str__(self) -> str:
        if self.ratio is None:
            return f"{self.workload}: not judged: machine too busy"
        text = (
            f"{self.workload}: {self.ratio:.2g} times as long as our fast kernels "
            f"({self.low:.2g} – {self.high:.2g}); at most {self.limit:g} are asked for"
        )
        if self.reference is not None:
            text += f"; {self.reference:.2g} times as long as the reference solution here"
        return text


def judge(
    subject: Subject,
    workload: Workload,
    fast: float,
    *,
    limit: float = 4.0,
    seed: int = 0,
    reference: Subject | None = None,
    clock: Clock = time.perf_counter,
) -> Verdict:
    """Measure a submission, and once more before it is called too slow.

    Args:
        subject: The submission.
        workload: On what.
        fast: The time of our `fast` kernels over the yardstick's.
        limit: How many times as long as these it may take.
        seed: Of the inputs.
        reference: The reference solution, if it is at hand.
        clock: What tells the time.

    Raises:
        MismatchError: A result is wrong.
        SubjectError: The code under test raised an exception.
    """
    measured = measure(subject, workload, seed, clock)
    repeated = _too_slow(measured, fast, limit)
    if repeated:
        measured = measure(subject, workload, seed + 1, clock)
    if measured.too_busy:
        return Verdict(workload.name, "too busy", limit, repeated=repeated)
    of_reference = None
    if reference is not None:
        theirs = measure(reference, workload, seed, clock)
        of_reference = None if theirs.too_busy else measured.ratio / theirs.ratio
    low, high = measured.spread
    return Verdict(
        workload=workload.name,
        outcome="too slow" if _too_slow(measured, fast, limit) else "fast enough",
        limit=limit,
        ratio=measured.ratio / fast,
        low=low / fast,
        high=high / fast,
        seconds=measured.seconds_per_call,
        yardstick=measured.ratio,
        transport=measured.transport_share,
        rounds=len(measured.quiet),
        repeated=repeated,
        reference=of_reference,
    )


def _too_slow(measured: Measurement, fast: float, limit: float) -> bool:
    """Return whether even the lower quartile is above the limit."""
    return not measured.too_busy and measured.spread[0] > limit * fast
