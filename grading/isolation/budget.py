"""The time of a call: processor time that the worker used, and time in which it wanted none.

The clock alone would charge a submission for what else runs on the machine. Between two looks at a
worker, time passes in one of three ways: it runs, it waits for a processor, or it does neither. The
first counts against the limit of the call, the last against the limit of what hangs, and both
against the time of the task if the call returns. Waiting counts for nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from grading.isolation.errors import LostError
from grading.isolation.watch import CpuTime

LONGEST = 1.0
"""Seconds of an interval that may count as idle: in a longer one the judge itself did not run."""


@dataclass(frozen=True)
class Allowance:
    """Limits of one call, in seconds.

    Attributes:
        run: Processor time beyond compilation.
        compile: Processor time that may count as compilation. Only the worker knows when it
            compiles, and the submission can make it say so.
        idle: Time in which the worker neither runs nor waits for a processor.
        left: Processor time that is left of the time of the check, or of all requests.
    """

    run: float
    compile: float
    idle: float
    left: float = float("inf")


class Budget:
    """The time that one call has used so far.

    The threads of a parallel loop count once: no interval counts for more than its length.

    Args:
        allowance: The limits.
        cpu_time: Returns what the worker had of the processors so far; None where the system does
            not tell, and then the clock counts.
        compiling: Returns whether numba compiles in the worker now.
        clock: Returns the time.
    """

    def __init__(
        self,
        allowance: Allowance,
        cpu_time: Callable[[], CpuTime | None],
        compiling: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowance = allowance
        self._cpu_time = cpu_time
        self._compiling = compiling
        self._clock = clock
        self._now = clock()
        self._before = cpu_time()
        self.run = 0.0
        self.compiled = 0.0
        self.idle = 0.0

    @property
    def charged(self) -> float:
        """The seconds that count against the time of the task."""
        return self.run + self.compiled + self.idle

    def update(self) -> None:
        """Count the interval since the last look."""
        now = self._clock()
        interval, self._now = now - self._now, now
        current, before = self._cpu_time(), self._before
        if current is None or before is None:
            run, idle = interval, 0.0
        else:
            # The numbers of threads that have ended are gone.
            ran = max(0.0, current.run - before.run)
            waited = max(0.0, current.wait - before.wait)
            run, idle = min(ran, interval), max(0.0, min(interval, LONGEST) - ran - waited)
        self._before = current
        self.idle += idle
        if self._compiling():
            credit = min(run, self._allowance.compile - self.compiled)
            self.compiled += credit
            run -= credit
        self.run += run

    def check(self) -> None:
        """Count the interval since the last look.

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
