"""The communicator of MPI, through mpi4py.

mpi4py and an MPI library are imported only when a communicator is made. Numbers travel as memory,
never as pickles.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_nn.distributed.communicator import (
    CommunicationError,
    Communicator,
    SingleProcess,
    check_buffer,
    check_root,
)

LIMIT = 60.0
"""The default time, in seconds, that an operation waits for the other ranks."""
HEARTBEAT = 1.0
"""The time in seconds after which a waiting rank reports to the others in which operation it waits.
"""
SPIN = 0.02
"""The time in seconds for which a waiting rank tests its request without pauses. Longer waits, such
as those for an evaluation, leave the processor to other processes."""
PAUSE = 0.001
"""The time in seconds between two tests afterwards."""

PRINTED = 0.5
"""The time in seconds between the last message and the end of the ranks: when the launcher ends, it
loses the output that it has not forwarded yet."""

_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
"""Environment variables in which MPICH (also Intel MPI and Slurm's PMI) and Open MPI tell each
process the number of processes."""


def launched(environment: Mapping[str, str] = os.environ) -> int:
    """Return the number of processes that an MPI launcher started; 1 if none did.

    >>> launched({"PMI_SIZE": "4", "PMI_RANK": "1"})
    4
    """
    sizes = [environment[name] for name in _SIZES if name in environment]
    if "PMIX_RANK" in environment:  # Slurm with PMIx.
        sizes.append(environment.get("SLURM_STEP_NUM_TASKS", "1"))
    return int(sizes[0]) if sizes and sizes[0].isdigit() else 1


def world(limit: float = LIMIT) -> Communicator:
    """Return the communicator of this process: all ranks of its launch, or the process alone.

    Args:
        limit: The time, in seconds, that an operation waits for the other ranks.

    Raises:
        ImportError: An MPI launcher started several processes, and mpi4py or the MPI library is
            missing.

    >>> world().size
    1
    """
    return SingleProcess() if launched() == 1 else Mpi(limit)


class Mpi(Communicator):
    """All ranks that an MPI launcher started; also a context manager that ends all on an error.

    MPI itself waits without end for a rank that has ended. Here an operation waits for a limited
    time, and the error names the ranks that did not take part: after a second, each waiting rank
    reports to the others that it waits. An error that leaves the ``with`` block on one rank ends
    the processes of all::

        with Mpi() as communicator:
            train(communicator)

    Attributes:
        rank: The number of this rank, 0 to size - 1.
        size: The number of ranks.
        limit: The time, in seconds, that an operation waits.
        calls: The number of operations so far; `Measured` measures their bytes and times.
    """

    def __init__(self, limit: float = LIMIT) -> None:
        """Join the ranks; the first call starts MPI.

        Args:
            limit: The time, in seconds, that an operation waits, above 0.

        Raises:
            ImportError: mpi4py or the MPI library is missing; the message says what to install.
            ValueError: The limit is not above 0.
        """
        if not limit > 0.0:
            raise ValueError(f"Mpi: limit {limit} must be above 0; it is a time in seconds")
        self._mpi = mpi = _load()
        self._world = mpi.COMM_WORLD
        self._signals = self._world.Dup()
        self.rank: int = self._world.Get_rank()
        self.size: int = self._world.Get_size()
        self.limit = limit
        self.calls = 0
        self._reported = [0] * self.size
        self._kept: list[Any] = []

    def broadcast(self, buffer: npt.NDArray[Any], root: int = 0) -> None:
        """Replace the elements of a buffer, in place, by those of the rank `root`."""
        check_buffer("broadcast", buffer)
        check_root(root, self.size)
        self._run("broadcast", lambda: self._world.Ibcast(buffer, root), buffer)

    def all_reduce(self, buffer: npt.NDArray[Any]) -> None:
        """Replace the elements of a buffer, in place, by their sums over all ranks."""
        check_buffer("all_reduce", buffer)
        place, add = self._mpi.IN_PLACE, self._mpi.SUM
        self._run("all_reduce", lambda: self._world.Iallreduce(place, buffer, add), buffer)

    def all_gather(self, buffer: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the buffers of all ranks, of shape (size, *buffer.shape)."""
        check_buffer("all_gather", buffer)
        gathered = np.empty((self.size, *buffer.shape), buffer.dtype)
        self._run("all_gather", lambda: self._world.Iallgather(buffer, gathered), buffer, gathered)
        return gathered

    def barrier(self) -> None:
        """Wait until all ranks have called this method."""
        self._run("barrier", self._world.Ibarrier)

    def abort(self, code: int = 1) -> None:
        """End the processes of all ranks, after the launcher has forwarded their output."""
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(PRINTED)
        self._world.Abort(code)
        os._exit(code)  # The library may return before the launcher ends this process.

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all ranks if an error leaves the block; a `SystemExit` ends this one only.

        A `CommunicationError` is printed as a message, and other errors with their traceback.
        """
        if error is None or isinstance(error, SystemExit):
            return
        if isinstance(error, KeyboardInterrupt):
            self.abort(130)
        elif isinstance(error, RankMissingError) and self.rank != error.reporter:
            time.sleep(2 * HEARTBEAT)  # One rank prints the message.
        elif isinstance(error, CommunicationError):
            print(f"Error on rank {self.rank}: {error}", file=sys.stderr)
        else:
            print(f"Error on rank {self.rank}:", file=sys.stderr)
            sys.excepthook(type(error), error, trace)
        self.abort()

    # Waiting

    def _run(self, operation: str, start: Callable[[], Any], *buffers: npt.NDArray[Any]) -> None:
        """Start an operation and wait for its end, at most for the limit.

        Args:
            operation: Its name, for error messages.
            start: A function that starts it and returns the request of MPI.
            buffers: The buffers that MPI reads and writes until the end.
        """
        self.calls += 1
        begin = time.perf_counter()
        has_reported = False
        try:
            request = start()
            while not request.Test():
                waited = time.perf_counter() - begin
                if waited < SPIN:
                    _yield()
                    continue
                time.sleep(PAUSE)
                if waited > HEARTBEAT and not has_reported:
                    has_reported = True
                    self._report()
                # The rank that began to wait last has the time of a heartbeat to report it.
                if waited > self.limit + 2 * HEARTBEAT:
                    self._kept += [request, *buffers]  # MPI may still write into them.
                    raise self._missing(operation)
        except self._mpi.Exception as error:
            raise CommunicationError(
                f"rank {self.rank}: {operation} number {self.calls} failed: {error}; another rank "
                "has ended, or ranks called different operations"
            ) from error

    def _report(self) -> None:
        """Report to the other ranks in which operation this one waits, and read their reports."""
        self._kept = [each for each in self._kept if not _is_finished(each)]
        number = np.array([self.calls], np.int64)
        for other in range(self.size):
            if other != self.rank:
                self._kept.append((self._signals.Isend(number, other), number))
        self._read_reports()

    def _read_reports(self) -> None:
        status, number = self._mpi.Status(), np.zeros(1, np.int64)
        while self._signals.Iprobe(status=status):
            source = status.Get_source()
            self._signals.Recv(number, source)
            self._reported[source] = max(self._reported[source], int(number[0]))

    def _missing(self, operation: str) -> "RankMissingError":
        self._read_reports()
        self._reported[self.rank] = self.calls
        missing = [rank for rank, number in enumerate(self._reported) if number < self.calls]
        waiting = [rank for rank in range(self.size) if rank not in missing]
        names = ", ".join(map(str, missing)) or "unknown"
        return RankMissingError(
            f"rank {names} did not take part in {operation} number {self.calls} within "
            f"{self.limit:g} s, and rank {', '.join(map(str, waiting))} waited: it hangs, its "
            "machine is gone, or it is much slower; find out why, or allow a longer time",
            waiting[0],
        )


class RankMissingError(CommunicationError):
    """A rank does not take part in an operation within the limit.

    Attributes:
        reporter: The rank that prints the message.
    """

    def __init__(self, message: str, reporter: int) -> None:
        super().__init__(message)
        self.reporter = reporter


def _load() -> Any:
    """Import mpi4py and the MPI library, and return its module of MPI."""
    way_out = (
        'install both with: pip install "mt-nn[mpi]". On a cluster, install mpi4py alone and load '
        "the cluster's MPI"
    )
    try:
        from mpi4py import MPI
    except ModuleNotFoundError as error:
        if error.name != "mpi4py":
            raise
        raise ModuleNotFoundError(
            f"several processes need the package mpi4py, which is not installed; {way_out}",
            name="mpi4py",
        ) from error
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"mpi4py finds no MPI library ({str(error).splitlines()[0]}); {way_out}"
        ) from error
    return MPI


def _yield() -> None:
    """Leave the processor to another process that is ready, if there is one."""
    if hasattr(os, "sched_yield"):
        os.sched_yield()


def _is_finished(kept: Any) -> bool:
    return isinstance(kept, tuple) and bool(kept[0].Test())
