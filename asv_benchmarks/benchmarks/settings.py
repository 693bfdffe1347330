"""Repetition of benchmarks, and their contenders."""

import os
from typing import Any

from asv_benchmarks import conditions
from asv_benchmarks.contenders import Absent, Call, Contender, load
from asv_benchmarks.workloads import Workload

WARM_CALLS = 6
"""Calls before the first timed one. A captured step compiles its kernels, is recorded, is checked,
and then replayed."""


class Timed:
    """Base class of benchmarks that time a call which a contender prepares.

    Its attributes are settings of asv: one process per benchmark, up to ten samples, each of at
    least 10 ms. asv shows n/a where `prepare` raises NotImplementedError.
    """

    rounds = 1
    repeat = (3, 10, 2.0)
    sample_time = 0.01
    warmup_time = 0.1
    timeout = 300.0

    call: Call

    def prepare(self, contender: str, workload: Workload) -> None:
        """Prepare a call and run it `WARM_CALLS` times, so that its kernels are compiled.

        asv does this before each sample.

        Raises:
            NotImplementedError: The contender is not installed, or lacks the operation.
        """
        conditions.pin(threads())
        self.call = call_of(contender, workload)
        for _ in range(WARM_CALLS):
            self.call()


def call_of(contender: str, workload: Workload) -> Call:
    """Return a prepared call.

    Raises:
        NotImplementedError: The contender is not installed, or lacks the operation.
    """
    try:
        return loaded(contender).prepare(workload)
    except Absent as reason:
        raise NotImplementedError(str(reason)) from reason


def loaded(contender: str) -> Contender:
    """Return a contender, set to the number of threads of the benchmarks.

    Raises:
        Absent: Its framework is not installed.
    """
    runner = load(contender)
    runner.set_threads(threads())
    return runner


def threads() -> int:
    """Return the number of computing threads, from the environment."""
    return int(os.environ.get("NUMBA_NUM_THREADS", "1"))


def keyed(rows: Any) -> dict[str, Workload]:
    """Return the workload of each row by the row's key."""
    return {row.key: row.workload for row in rows}
