"""Jobs on several machines: Dask carries commands there and result files back, nothing else.

Every machine has this repository, its environment and the submissions under the same paths, as on
a shared disk. The scheduler is told with `DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0` not to
repeat a job that took its machine down: the next machine would go the same way.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from grading.batch.find import BatchError
from grading.batch.job import Job, JobResult, run

CONNECT_SECONDS = 20


class Cluster:
    """A Dask cluster as an executor of jobs. A context manager, which disconnects."""

    def __init__(self, client: Any) -> None:
        self._client = client
        # Calls that are alike are not one call.
        self._executor = client.get_executor(pure=False, retries=0)

    def submit(self, job: Job) -> "Future[JobResult]":
        """Have a job run on some machine."""
        future: Future[JobResult] = self._executor.submit(run, job)
        return future

    @property
    def machines(self) -> int:
        """How many jobs run at the same time."""
        return sum(self._client.nthreads().values()) or 1


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a scheduler.

    Raises:
        BatchError: Dask is not installed, or nobody answers.
    """
    try:
        import distributed
    except ModuleNotFoundError:
        raise BatchError(
            "--scheduler needs Dask, which is in an environment of its own: "
            "hatch run cluster:grade --batch …"
        ) from None
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BatchError(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        yield Cluster(client)
