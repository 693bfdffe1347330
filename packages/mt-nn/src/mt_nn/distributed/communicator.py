"""Communicators: the four collective operations that data-parallel training needs.

Every rank of a group calls the same operations in the same order. A rank is one of the processes,
numbered from 0.
"""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt


class CommunicationError(RuntimeError):
    """A failed operation of a communicator; the message names the rank."""


class Communicator(ABC):
    """The base class of communicators.

    Use it in a ``with`` statement, so that an error on one rank ends the others, which would wait.

    An operation ends on each rank only after the ranks that it waits for have called it, too. All
    buffers are contiguous arrays, with the same shape and dtype on each rank.

    Attributes:
        rank: The number of this rank, 0 to size - 1.
        size: The number of ranks.
    """

    rank: int
    size: int

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027  (one process has no others to end)
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the block; a communicator of processes ends all of them on an error."""

    @abstractmethod
    def broadcast(self, buffer: npt.NDArray[Any], root: int = 0) -> None:
        """Replace the elements of a buffer, in place, by those of the rank `root`.

        Raises:
            CommunicationError: A rank fails.
        """

    @abstractmethod
    def all_reduce(self, buffer: npt.NDArray[Any]) -> None:
        """Replace the elements of a buffer, in place, by their sums over all ranks.

        All ranks receive the same bits.

        Raises:
            CommunicationError: A rank fails.
        """

    @abstractmethod
    def all_gather(self, buffer: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the buffers of all ranks, of shape (size, *buffer.shape).

        Raises:
            CommunicationError: A rank fails.
        """

    @abstractmethod
    def barrier(self) -> None:
        """Wait until all ranks have called this method.

        Raises:
            CommunicationError: A rank fails.
        """


class SingleProcess(Communicator):
    """The communicator of a process without others: rank 0 of 1.

    >>> communicator = SingleProcess()
    >>> buffer = np.array([1.0, 2.0])
    >>> communicator.all_reduce(buffer)
    >>> buffer, communicator.all_gather(buffer)
    (array([1., 2.]), array([[1., 2.]]))
    """

    rank = 0
    size = 1

    def broadcast(self, buffer: npt.NDArray[Any], root: int = 0) -> None:
        """Check the arguments; the buffer does not change."""
        check_buffer("broadcast", buffer)
        check_root(root, self.size)

    def all_reduce(self, buffer: npt.NDArray[Any]) -> None:
        """Check the buffer; the sum over one rank is the buffer itself."""
        check_buffer("all_reduce", buffer)

    def all_gather(self, buffer: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a copy of the buffer, of shape (1, *buffer.shape)."""
        check_buffer("all_gather", buffer)
        return buffer[np.newaxis].copy()

    def barrier(self) -> None:
        """Return at once."""


def check_buffer(operation: str, buffer: npt.NDArray[Any]) -> None:
    """Raise an error unless a buffer is a contiguous array of numbers.

    Args:
        operation: The name of the caller, for error messages.
        buffer: The buffer. Truth values have no sum, so ``all_reduce`` refuses them.

    Raises:
        TypeError: The buffer is not an array, or its elements are not numbers in the byte order of
            the machine.
        ValueError: The array is not contiguous.
    """
    if not isinstance(buffer, np.ndarray):
        raise TypeError(
            f"{operation}: the buffer is of type {type(buffer).__name__}, not a NumPy array; pass "
            "an array, for example np.asarray(numbers)"
        )
    kinds = "iufc" if operation == "all_reduce" else "biufc"
    if buffer.dtype.kind not in kinds or not buffer.dtype.isnative:
        raise TypeError(
            f"{operation}: the buffer has the dtype {buffer.dtype}; pass an array of numbers, in "
            "the byte order of this machine"
        )
    if not buffer.flags.c_contiguous:
        raise ValueError(
            f"{operation}: the buffer of shape {buffer.shape} is not contiguous; pass "
            "np.ascontiguousarray(buffer)"
        )


def check_root(root: int, size: int) -> None:
    """Raise ValueError unless `root` is the number of a rank."""
    if not 0 <= root < size:
        raise ValueError(f"broadcast: root {root} is not a rank; ranks are 0 to {size - 1}")
