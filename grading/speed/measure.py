"""The clock: the yardstick and a submission in turn, again and again.

The clock is the judge's and runs from a request to its reply. Each time of the submission stands
between two of the yardstick, so that both feel the same machine; where the yardstick waits for a
processor, or others do meanwhile, the machine is busy and the time counts for nothing.
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

ROUNDS = 7
"""How many times of the submission are taken, if they are quick."""

ENOUGH = 3
"""How many quiet ones are needed."""

SECONDS = 6.0
"""After how long no further round begins, once there are enough."""

BUSY = 1.25
"""How much longer than its work the yardstick may take before the machine counts as busy."""


@dataclass(frozen=True)
class Round:
    """A time of the submission, between two of the yardstick.

    Attributes:
        subject: Seconds of the submission.
        yardstick: Seconds of the yardstick, on the average of the two.
        quiet: Whether the yardstick had a processor to itself both times.
    """

    subject: float
    yardstick: float
    quiet: bool

    @property
    def ratio(self) -> float:
        """The submission's time over the yardstick's."""
        return self.subject / self.yardstick


@dataclass(frozen=True)
class Measurement:
    """What the clock said.

    Attributes:
        rounds: All of them, the busy ones, too.
        transport: Seconds of a request that asks for nothing.
        calls: How often the submission was called in a round.
    """

    rounds: tuple[Round, ...]
    transport: float
    calls: int

    @property
    def quiet(self) -> tuple[Round, ...]:
        """The rounds that count."""
        return tuple(each for each in self.rounds if each.quiet)

    @property
    def too_busy(self) -> bool:
        """Whether too few rounds count."""
        return len(self.quiet) < ENOUGH

    @property
    def ratio(self) -> float:
        """The median ratio of the submission's time to the yardstick's."""
        return statistics.median(each.ratio for each in self.quiet)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles of that ratio."""
        ratios = [each.ratio for each in self.quiet]
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, high

    @property
    def seconds(self) -> float:
        """The median time of the submission."""
        return statistics.median(each.subject for each in self.quiet)

    @property
    def seconds_per_call(self) -> float:
        """The median time of one call."""
        return self.seconds / self.calls

    @property
    def transport_share(self) -> float:
        """Which part of the submission's time is spent on the way."""
        return self.transport / self.seconds


LOAD = Path("/proc/loadavg")
"""Where Linux says how many threads have work for a processor at this moment."""

Clock: TypeAlias = Callable[[], float]


def measure(
    subject: Subject, workload: Workload, seed: int, clock: Clock = time.perf_counter
) -> Measurement:
    """Measure a submission on a workload.

    Args:
        subject: The submission.
        workload: On what.
        seed: Of the inputs.
        clock: What tells the time. For code in this process, `time.process_time` leaves out what
            others make it wait.

    Raises:
        MismatchError: A result is wrong.
        SubjectError: The code under test raised an exception.
    """
    bench = Bench(workload, seed)
    subject.answer(bench.hold())
    # The first call compiles.
    _run(subject, bench, clock)
    transport = min(_seconds(subject, bench.nothing(), clock)[0] for _ in range(5))
    rounds = list[Round]()
    began = clock()
    _, before = _yardstick(bench.trial(), clock)
    while len(rounds) < ROUNDS:
        seconds, alone, after = _run(subject, bench, clock)
        quiet = before.quiet and after.quiet and alone
        rounds.append(Round(seconds, (before.taken + after.taken) / 2, quiet))
        before = after
        count = sum(each.quiet for each in rounds)
        if count >= ENOUGH and clock() - began > SECONDS:
            break
        if count + ROUNDS - len(rounds) < ENOUGH:
            break
    return Measurement(tuple(rounds), transport, CALLS[workload.operation])


@dataclass(frozen=True)
class _Time:
    """What the yardstick took: on the clock, and of a processor."""

    taken: float
    worked: float

    @property
    def quiet(self) -> bool:
        return self.taken <= BUSY * self.worked


def _run(subject: Subject, bench: Bench, clock: Clock) -> tuple[float, bool, _Time]:
    """Have a submission do a trial, then the yardstick; compare the results.

    Returns:
        The submission's time, whether there was a processor for it, the yardstick's time.
    """
    trial = bench.trial()
    before = _is_processor_free(clock)
    seconds, answer = _seconds(subject, trial, clock)
    alone = before and _is_processor_free(clock)
    results, time_of_yardstick = _yardstick(trial, clock)
    if not trial.is_answered_by(answer.plain, results):
        shapes = " and ".join(map(str, bench.workload.shapes))
        raise MismatchError(
            Finding(
                f"{bench.workload.operation} of shapes {shapes} is wrong",
                answer.request,
                "the weighted sum of each result",
                [bench.rows.digest(result) for result in results],
                answer.plain,
                response=answer,
            )
        )
    return seconds, alone, time_of_yardstick


def _is_processor_free(clock: Clock) -> bool:
    """Return whether at this moment others leave a processor to whoever needs one.

    A clock that stands still while one waits has no use for it; where the kernel does not tell,
    only the yardstick does.
    """
    if clock is not time.perf_counter:
        return True
    try:
        with_work = int(LOAD.read_text(encoding="ascii").split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return True
    # This thread is one of them.
    return with_work - 1 < (os.cpu_count() or 1)


def _seconds(subject: Subject, trial: Trial, clock: Clock) -> tuple[float, Response]:
    request = trial.request()
    began = clock()
    answer = subject.answer(request)
    return clock() - began, answer


def _yardstick(trial: Trial, clock: Clock) -> tuple[list[Array], _Time]:
    began, began_working = clock(), time.thread_time()
    results = trial.by_yardstick()
    worked = time.thread_time() - began_working
    return results, _Time(clock() - began, worked)
