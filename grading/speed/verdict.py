"""The verdict on the speed of a submission, as a multiple of our `fast` kernels' time."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeAlias

from asv_benchmarks.workloads import Workload
from grading.checking.compare import MismatchError
from grading.isolation import CheckAbandoned
from grading.protocol.messages import DriverError, Subject, SubjectError
from grading.speed.measure import Clock, Measurement, measure

Outcome: TypeAlias = Literal["fast enough", "too slow", "too busy"]

UNMEASURABLE = (MismatchError, SubjectError, DriverError, CheckAbandoned)
"""Exceptions that end a measurement: wrong results, lost workers and errors of the driver."""


@dataclass(frozen=True)
class Verdict:
    """The speed of a submission on a workload.

    Attributes:
        outcome: The judgement; "too busy" is independent of the submission: other processes used
            the machine.
        limit: Allowed ratio to the time of our `fast` kernels.
        ratio: Median ratio to the time of our `fast` kernels; None if the machine was too busy.
        low: Lower quartile of the ratio.
        high: Upper quartile of the ratio.
        seconds: Median time of one call, in seconds.
        repeated: True if the first measurement was too slow and a second one followed.
        reference: Ratio to the time of the reference solution; None without one.
    """

    outcome: Outcome
    limit: float
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    seconds: float | None = None
    repeated: bool = False
    reference: float | None = None


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
    """Measure a submission; repeat the measurement if the result is too slow.

    Args:
        subject: The submission.
        workload: The workload.
        fast: The time of our `fast` kernels divided by the baseline's.
        limit: Allowed ratio to the time of our `fast` kernels.
        seed: Seed of the inputs.
        reference: The reference solution, if it is available.
        clock: Function that returns the time in seconds.

    Raises:
        MismatchError: A result is wrong.
        SubjectError: The code under test raised an exception.
        DriverError: The driver raised an exception.
        CheckAbandoned: The worker was lost too often, or there is no time left.
    """
    measured = measure(subject, workload, seed, clock)
    repeated = _too_slow(measured, fast, limit)
    if repeated:
        measured = measure(subject, workload, seed + 1, clock)
    if measured.too_busy:
        return Verdict("too busy", limit, repeated=repeated)
    of_reference = None
    if reference is not None:
        # Errors of the reference solution do not concern the submission.
        with suppress(*UNMEASURABLE):
            theirs = measure(reference, workload, seed, clock)
            of_reference = None if theirs.too_busy else measured.ratio / theirs.ratio
    low, high = measured.spread
    return Verdict(
        outcome="too slow" if _too_slow(measured, fast, limit) else "fast enough",
        limit=limit,
        ratio=measured.ratio / fast,
        low=low / fast,
        high=high / fast,
        seconds=measured.seconds_per_call,
        repeated=repeated,
        reference=of_reference,
    )


def _too_slow(measured: Measurement, fast: float, limit: float) -> bool:
    """Return True if the lower quartile is above the limit."""
    return not measured.too_busy and measured.spread[0] > limit * fast
