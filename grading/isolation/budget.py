"""The time budget of a call: processor time of the worker, and its idle time.

Wall-clock time alone would charge a submission for other programs on the machine. Between two
samples of a worker, time passes in one of three ways: the worker runs, it waits for a processor, or
it is idle. Running counts against the limit of the call, and being idle against the limit for a
call that hangs. If the call returns, both count against the time of the task. Waiting is free.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from grading.isolation.errors import LostError
from grading.isolation.watch import CpuTime

LONGEST = 1.0
"""Longest part of an interval that may count as idle, in seconds.

In a longer interval the judge itself did not run. With a larger value a suspended machine counts as
a call that hangs.
"""


@dataclass(frozen=True)
class Allowance:
    """Limits of one call, in seconds.

    Attributes:
        run: Processor time without compilation.
        compile: Largest processor time that counts as compilation. Only the worker knows when it
            compiles, and a submission can forge this.
        idle: Time in which the worker neither runs nor waits for a processor.
        left: Processor time that is left for the check, or for all requests.
    """

    run: float
    compile: float
    idle: float
    left: float = float("inf")


class Budget:
    """The time that one call has used so far.

    The threads of a parallel loop count once: an interval counts with its length at most.

    Args:
        allowance: The limits.
        cpu_time: Returns the processor time of the worker so far; None if the system does not
            report it. Then wall-clock time counts.
        compiling: Returns whether numba compiles in the worker now.
        importing: Returns whether the worker imports the submission now.
        clock: Returns the time in seconds.
        before: The last sample of the previous call, which saves a sample; None to take one now.
    """

    def __init__(
        self,
        allowance: Allowance,
        cpu_time: Callable[[], CpuTime | None],
        compiling: Callable[[], bool] = lambda: False,
        importing: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        before: CpuTime | None = None,
    ) -> None:
        self._allowance = allowance
        self._cpu_time = cpu_time
        self._compiling = compiling
        self._importing = importing
        self._clock = clock
        self._now = clock()
        self._before = cpu_time() if before is None else before
        self.run = 0.0
        self.compiled = 0.0
        self.idle = 0.0
        # Elapsed time, for the phases of the run.
        self.elapsed_compiling = 0.0
        self.elapsed_importing = 0.0

    @property
    def charged(self) -> float:
        """Seconds that count against the time of the task."""
        return self.run + self.compiled + self.idle

    @property
    def sample(self) -> CpuTime | None:
        """The last sample of the worker's processor time."""
        return self._before

    def update(self) -> None:
        """Count the interval since the last sample."""
        now = self._clock()
        interval, self._now = now - self._now, now
        current, before = self._cpu_time(), self._before
        if current is None or before is None:
            run, idle = interval, 0.0
        else:
            # Differences may be negative: threads that have ended are no longer counted.
            ran = max(0.0, current.run - before.run)
            waited = max(0.0, current.wait - before.wait)
            run, idle = min(ran, interval), max(0.0, min(interval, LONGEST) - ran - waited)
        self._before = current
        self.idle += idle
        if self._compiling():
            self.elapsed_compiling += interval
            credit = min(run, self._allowance.compile - self.compiled)
            self.compiled += credit
            run -= credit
        elif self._importing():
            self.elapsed_importing += interval
        self.run += run

    def check(self) -> None:
        """Count the interval since the last sample.

        Raises:
            LostError: A limit is reached.
        """
        self.update()
        allowance = self._allowance
        if self.run >= allowance.run:
            beyond = " beyond compilation" if self.compiled else ""
            what = "processor time" if self._before is not None else "time"
            raise LostError(
                "TimedOut", f"did not return within {allowance.run:g} s of {what}{beyond}"
            )
        if self.idle >= allowance.idle:
            raise LostError(
                "TimedOut",
                f"did not return, and used no processor for {allowance.idle:g} s",
            )
        if self.run + self.compiled >= allowance.left:
            raise LostError("OutOfTime", "the time of the task was up before it returned")
