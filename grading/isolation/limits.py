"""What a worker may use."""

import os
from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What a worker may use. The judge's clock and eyes enforce them, and the kernel where it can.

    Attributes:
        call_seconds: How long one request may take; the first call of a kernel compiles it.
        learn_seconds: How long one that trains a network may take; the first compiles its kernels,
            a dozen of them.
        check_seconds: How long the requests of one check may take together, None for any time.
        total_seconds: How long all requests to a submission may take together.
        start_seconds: How long a worker may take before it asks for requests.
        memory_mb: Memory of all processes of a worker together, in MiB.
        processes: Processes and threads of a worker.
        file_mb: The size of one file, in MiB.
        scratch_mb: The size of all files that a worker writes, in MiB.
        output_mb: What a worker may print, in MiB.
        reply_mb: The size of one reply, in MiB.
        stops: How often in one check a worker may die or be stopped before the check is given up.
    """

    call_seconds: float = 60.0
    learn_seconds: float = 180.0
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
