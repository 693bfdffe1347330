"""Resource limits of a worker."""

import os
from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Resource limits of a worker. The judge enforces them, and the kernel where it can.

    Seconds are processor time, so that a busy machine does not change a mark;
    `grading.isolation.budget` defines which time counts.

    Attributes:
        call_seconds: Time of one request, without compilation.
        long_seconds: Time of one request with many calls: the learner's tests, a timed trial.
        learn_seconds: Time of one request that trains a network.
        compile_seconds: Largest time of one request that counts as compilation.
        hang_seconds: Time in one request in which the worker neither runs nor waits for a
            processor.
        check_seconds: Time of all requests of a check together; None for no limit.
        total_seconds: Time of all requests to a submission together.
        start_seconds: Time of a worker until it is ready for requests.
        memory_mb: Memory of all processes of a worker together, in MiB.
        processes: Number of processes and threads of a worker.
        file_mb: Size of one file, in MiB.
        scratch_mb: Size of all files that a worker writes, in MiB.
        output_mb: Size of the printed output of a worker, in MiB.
        reply_mb: Size of one reply, in MiB.
        stops: Number of workers that one check may lose before it stops.
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
