"""Measurement of the communication of ranks: calls, bytes, time, waiting."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mt_autodiff import record
from mt_nn.distributed.communicator import Communicator

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Traffic:
    """The communication of one rank.

    Attributes:
        rank: The number of the rank.
        calls: The number of operations.
        size: The bytes of their buffers.
        seconds: The time in them, in seconds.
        waiting: The part of it in which the rank waited for slower ranks: the time in each
            operation beyond that of the rank that came last.
        elapsed: The time since the beginning, in seconds. Nothing is computed during an operation,
            so the overlap of computation and communication is 0.
    """

    rank: int
    calls: int
    size: int
    seconds: float
    waiting: float
    elapsed: float


class Measured(Communicator):
    """A communicator that measures the operations of another one.

    In a profile (`mt_autodiff.profile`) each operation is a region with its bytes.

    >>> from mt_nn.distributed import SingleProcess
    >>> communicator = Measured(SingleProcess())
    >>> communicator.all_reduce(np.zeros(3))
    >>> [(each.rank, each.calls, each.size) for each in communicator.traffic()]
    [(0, 1, 24)]
    """

    def __init__(self, inner: Communicator) -> None:
        """Begin to measure the operations of a communicator; all ranks begin at the same call."""
        self.rank = inner.rank
        self.size = inner.size
        self._inner = inner
        self._durations: list[float] = []
        self._bytes = 0
        self._begin = time.perf_counter()

    def broadcast(self, buffer: npt.NDArray[Any], root: int = 0) -> None:
        """See `Communicator.broadcast`."""
        self._measure("broadcast", buffer.nbytes, lambda: self._inner.broadcast(buffer, root))

    def all_reduce(self, buffer: npt.NDArray[Any]) -> None:
        """See `Communicator.all_reduce`."""
        self._measure("all_reduce", buffer.nbytes, lambda: self._inner.all_reduce(buffer))

    def all_gather(self, buffer: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Communicator.all_gather`."""
        return self._measure("all_gather", buffer.nbytes, lambda: self._inner.all_gather(buffer))

    def barrier(self) -> None:
        """See `Communicator.barrier`."""
        self._measure("barrier", 0, self._inner.barrier)

    def _measure(self, operation: str, size: int, call: Callable[[], T]) -> T:
        begin = time.perf_counter()
        with record(f"{operation} between ranks", size):
            result = call()
        self._durations.append(time.perf_counter() - begin)
        self._bytes += size
        return result

    def traffic(self) -> list[Traffic]:
        """Return the communication of each rank until now, on all ranks.

        Raises:
            CommunicationError: A rank fails.
        """
        elapsed = time.perf_counter() - self._begin
        taken = self._inner.all_gather(np.array([*self._durations, elapsed]))
        durations = taken[:, :-1]
        # The rank that comes last to an operation waits for no other one.
        shortest = durations.min(0)
        return [
            Traffic(
                rank,
                durations.shape[1],
                self._bytes,
                float(durations[rank].sum()),
                float((durations[rank] - shortest).sum()),
                float(taken[rank, -1]),
            )
            for rank in range(self.size)
        ]


def traffic_table(traffic: list[Traffic]) -> str:
    """Return the communication of ranks as a table, one line for each.

    >>> print(traffic_table([Traffic(0, 9, 36000000, 0.5, 0.25, 2.0)]))
    rank    calls        bytes    exchange     waiting  overlap
       0        9     36.00 MB      12.5 %      12.5 %      0 %
    """
    lines = ["rank    calls        bytes    exchange     waiting  overlap"]
    for each in traffic:
        whole = each.elapsed or 1.0
        lines.append(
            f"{each.rank:4}  {each.calls:7}  {each.size / 1e6:8.2f} MB  "
            f"{100 * (each.seconds - each.waiting) / whole:8.1f} %  "
            f"{100 * each.waiting / whole:8.1f} %      0 %"
        )
    return "\n".join(lines)
