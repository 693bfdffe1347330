"""The processor cores of each process of a training on several ranks."""

import os
from collections.abc import MutableMapping

LOCAL_RANKS = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "PMI_SIZE")
"""Environment variables in which an MPI launcher tells the number of processes on this machine, or
in all."""
THREADS = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def share_cores(environment: MutableMapping[str, str], ranks: int | None = None) -> None:
    """Divide the cores of this machine among its ranks, with environment variables.

    NumPy and numba read the variables when they are imported. A variable that is set already is
    kept.

    Args:
        environment: The environment, such as `os.environ`.
        ranks: The number of processes on this machine; by default what the launcher tells. Nothing
            changes if there is none.

    >>> environment = {"MPI_LOCALNRANKS": "1000", "OMP_NUM_THREADS": "3"}
    >>> share_cores(environment)
    >>> [environment[name] for name in THREADS]
    ['1', '1', '3']
    """
    if ranks is None:
        told = [environment[name] for name in LOCAL_RANKS if environment.get(name, "").isdigit()]
        if not told:
            return
        ranks = int(told[0])
    # The affinity respects the limits of a cluster's job.
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    for name in THREADS:
        environment.setdefault(name, str(max(1, cores // max(1, ranks))))
