"""Jobs on several machines: Dask transfers commands and result files only.

All machines need this repository, its environment and the submissions under the same paths, as on
a shared disk. Start the scheduler with `DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0`, so that a
job that crashed a machine is not repeated on another one.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from grading.batch.find import BatchError
from grading.batch.job import Job, JobResult, run

CONNECT_SECONDS = 20
"""Time limit for the connection to a scheduler, in seconds."""


class Cluster:
    """A Dask cluster as an executor of jobs."""

    def __init__(self, client: Any) -> None:
        self._client = client
        # `pure=False`: equal calls are separate jobs.
        self._executor = client.get_executor(pure=False, retries=0)

    def submit(self, job: Job) -> "Future[JobResult]":
        """Submit a job to one of the machines."""
        future: Future[JobResult] = self._executor.submit(run, job)
        return future

    @property
    def machines(self) -> int:
        """The number of jobs that run at the same time."""
        return sum(self._client.nthreads().values()) or 1


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a scheduler, and disconnect at the end of the context.

    Raises:
        BatchError: Dask is not installed, or the scheduler does not answer.
    """
    try:
        import distributed
    except ModuleNotFoundError:
        raise BatchError(
            "--scheduler needs Dask, which is in a separate environment: "
            "hatch run cluster:grade --batch …"
        ) from None
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BatchError(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        yield Cluster(client)
