"""What a worker may use."""

import os
from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What a worker may use. The judge enforces the limits, and the kernel where it can.

    Seconds are those of processor time, so that a machine that is busy costs nobody a mark;
    `grading.isolation.budget` says what counts.

    Attributes:
        call_seconds: Of one request, beyond compilation.
        long_seconds: Of one request that is made of many calls: the learner's tests, a timed trial.
        learn_seconds: Of one request that trains a network.
        compile_seconds: Of one request, what may count as compilation.
        hang_seconds: How long one request may go on while the worker neither runs nor waits for a
            processor.
        check_seconds: Of all requests of a check together, None for any time.
        total_seconds: Of all requests to a submission together.
        start_seconds: Of a worker before it asks for requests.
        memory_mb: Memory of all processes of a worker together, in MiB.
        processes: Processes and threads of a worker.
        file_mb: The size of one file, in MiB.
        scratch_mb: The size of all files that a worker writes, in MiB.
        output_mb: What a worker may print, in MiB.
        reply_mb: The size of one reply, in MiB.
        stops: How often in one check a worker may die or be stopped before the check is given up.
    """

    call_seconds: float = 10.0
    long_seconds: float = 60.0
    learn_seconds: float = 180.0
    compile_seconds: float = 60.0
    hang_seconds: float = 60.0
    check_seconds: float | None = None
    total_seconds: float = 3600.0
    start_seconds: float = 60.0
    memory_mb: int = 4000
    processes: int = 64 + 2 * (os.cpu_count() or 1)
    file_mb: int = 64
    scratch_mb: int = 256
    output_mb: int = 16
    reply_mb: int = 512
    stops: int = 3
