"""Alternating time measurements of the baseline and a submission.

The judge measures the time from a request to its reply. Each measurement of the submission lies
between two of the baseline, so that both run under the same conditions. A round is discarded as
busy if the baseline waits for a processor, or if more threads are runnable than there are
processors.
"""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from asv_benchmarks.workloads import Workload
from grading.checking.compare import MismatchError
from grading.checking.finding import Finding
from grading.protocol.messages import Array, Response, Subject
from grading.speed.trial import CALLS, Bench, Trial

MAX_ROUNDS = 7
"""Maximum number of rounds."""

MIN_QUIET_ROUNDS = 3
"""Number of quiet rounds that a result needs."""

MAX_SECONDS = 6.0
"""Seconds after which no further round starts, once there are enough quiet rounds."""

MAX_WAIT_RATIO = 1.25
"""Ratio of elapsed to processor time of the baseline above which a round counts as busy."""


@dataclass(frozen=True)
class Round:
    """One time of the submission, between two times of the baseline.

    Attributes:
        subject: Time of the submission, in seconds.
        baseline: Mean of the two times of the baseline, in seconds.
        quiet: True if no process had to wait for a processor.
    """

    subject: float
    baseline: float
    quiet: bool

    @property
    def ratio(self) -> float:
        """The submission's time divided by the baseline's."""
        return self.subject / self.baseline


@dataclass(frozen=True)
class Measurement:
    """The result of a measurement.

    Attributes:
        rounds: All rounds, including busy ones.
        transport: Time of a request without calls, in seconds.
        calls: Number of calls per round.
    """

    rounds: tuple[Round, ...]
    transport: float
    calls: int

    @property
    def quiet(self) -> tuple[Round, ...]:
        """The quiet rounds."""
        return tuple(each for each in self.rounds if each.quiet)

    @property
    def too_busy(self) -> bool:
        """True if there are too few quiet rounds."""
        return len(self.quiet) < MIN_QUIET_ROUNDS

    @property
    def ratio(self) -> float:
        """The median ratio over the quiet rounds."""
        return statistics.median(each.ratio for each in self.quiet)

    @property
    def spread(self) -> tuple[float, float]:
        """The lower and upper quartile of the ratio."""
        ratios = [each.ratio for each in self.quiet]
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, high

    @property
    def seconds(self) -> float:
        """The median time of the submission per round, in seconds."""
        return statistics.median(each.subject for each in self.quiet)

    @property
    def seconds_per_call(self) -> float:
        """The median time of one call, in seconds."""
        return self.seconds / self.calls

    @property
    def transport_share(self) -> float:
        """Transport time as a fraction of the submission's time."""
        return self.transport / self.seconds


LOAD = Path("/proc/loadavg")
"""Linux file with the number of runnable threads."""

Clock: TypeAlias = Callable[[], float]


def measure(
    subject: Subject, workload: Workload, seed: int, clock: Clock = time.perf_counter
) -> Measurement:
    """Measure a submission on a workload.

    Args:
        subject: The submission.
        workload: The workload.
        seed: Seed of the inputs.
        clock: Function that returns the time in seconds. `time.process_time` suits code in this
            process: it excludes time in which the process waits.

    Raises:
        MismatchError: A result is wrong.
        SubjectError: The code under test raised an exception.
    """
    bench = Bench(workload, seed)
    subject.answer(bench.prepare())
    # The first call compiles the kernel.
    _run(subject, bench, clock)
    transport = min(_seconds(subject, bench.without_calls(), clock)[0] for _ in range(5))
    rounds = list[Round]()
    began = clock()
    _, before = _baseline(bench.trial(), clock)
    while len(rounds) < MAX_ROUNDS:
        seconds, undisturbed, after = _run(subject, bench, clock)
        quiet = before.quiet and after.quiet and undisturbed
        rounds.append(Round(seconds, (before.elapsed + after.elapsed) / 2, quiet))
        before = after
        count = sum(each.quiet for each in rounds)
        if count >= MIN_QUIET_ROUNDS and clock() - began > MAX_SECONDS:
            break
        if count + MAX_ROUNDS - len(rounds) < MIN_QUIET_ROUNDS:
            break
    return Measurement(tuple(rounds), transport, CALLS[workload.operation])


@dataclass(frozen=True)
class _Time:
    """Elapsed and processor time of the baseline, in seconds."""

    elapsed: float
    processor: float

    @property
    def quiet(self) -> bool:
        return self.elapsed <= MAX_WAIT_RATIO * self.processor


def _run(subject: Subject, bench: Bench, clock: Clock) -> tuple[float, bool, _Time]:
    """Run a trial with the submission, then with the baseline, and compare the results.

    Returns:
        The submission's time in seconds, True if a processor was free for it, the baseline's time.

    Raises:
        MismatchError: A result is wrong.
    """
    trial = bench.trial()
    before = _is_processor_free(clock)
    seconds, response = _seconds(subject, trial, clock)
    undisturbed = before and _is_processor_free(clock)
    results, time_of_baseline = _baseline(trial, clock)
    if not trial.is_answered_by(response.plain, results):
        shapes = " and ".join(map(str, bench.workload.shapes))
        raise MismatchError(
            Finding(
                f"{bench.workload.operation} of shapes {shapes} is wrong",
                response.request,
                "the weighted sum of each result",
                [bench.rows.digest(result) for result in results],
                response.plain,
                response=response,
            )
        )
    return seconds, undisturbed, time_of_baseline


def _is_processor_free(clock: Clock) -> bool:
    """Return True if fewer threads are runnable than there are processors.

    The result is always True for clocks of processor time, which need no free processor, and on
    systems without `/proc/loadavg`.
    """
    if clock is not time.perf_counter:
        return True
    try:
        runnable = int(LOAD.read_text(encoding="ascii").split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return True
    # This thread is runnable, too.
    return runnable - 1 < (os.cpu_count() or 1)


def _seconds(subject: Subject, trial: Trial, clock: Clock) -> tuple[float, Response]:
    request = trial.request()
    began = clock()
    response = subject.answer(request)
    return clock() - began, response


def _baseline(trial: Trial, clock: Clock) -> tuple[list[Array], _Time]:
    began, processor_began = clock(), time.thread_time()
    results = trial.by_baseline()
    processor = time.thread_time() - processor_began
    return results, _Time(clock() - began, processor)
