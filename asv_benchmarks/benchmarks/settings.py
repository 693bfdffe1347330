"""How benchmarks are repeated, and who takes part."""

import os
from typing import Any

from asv_benchmarks import conditions
from asv_benchmarks.contenders import Absent, Call, Contender, load
from asv_benchmarks.workloads import Workload


class Timed:
    """A benchmark of calls that contenders prepare; what they decline asv shows as n/a.

    The attributes are asv's: each benchmark is measured in one process, in up to ten samples of
    10 ms at least.
    """

    rounds = 1
    repeat = (3, 10, 2.0)
    sample_time = 0.01
    warmup_time = 0.1
    timeout = 300.0

    call: Call

    def prepare(self, contender: str, workload: Workload) -> None:
        """Prepare a call and run it once, which compiles what it needs.

        Raises:
            NotImplementedError: The contender is not installed or cannot do this: not a failure.
        """
        conditions.pin(threads())
        self.call = call_of(contender, workload)
        self.call()


def call_of(contender: str, workload: Workload) -> Call:
    """Return a prepared call; raise NotImplementedError where the contender declines."""
    try:
        return loaded(contender).prepare(workload)
    except Absent as reason:
        raise NotImplementedError(str(reason)) from reason


def loaded(contender: str) -> Contender:
    """Return a contender on the benchmarks' threads.

    Raises:
        Absent: It is not installed.
    """
    runner = load(contender)
    runner.set_threads(threads())
    return runner


def threads() -> int:
    """Return how many threads compute, which the environment decides."""
    return int(os.environ.get("NUMBA_NUM_THREADS", "1"))


def keyed(rows: Any) -> dict[str, Workload]:
    """Return the workloads of rows by their keys."""
    return {row.key: row.workload for row in rows}
