"""The judge's end of the socket: sends and receives whole frames within a time budget."""

import select
import socket
import time
from collections.abc import Callable

import numpy as np

from grading.isolation.budget import Budget
from grading.isolation.errors import LostError
from grading.isolation.replies import LONGEST_HEADER, parse_header
from grading.protocol.wire import LENGTHS, Frame, WireError

GLANCE = 0.05
"""Seconds between two samples of the worker's resource use while the judge waits.

A larger value detects exceeded limits later; a smaller one takes processor time from the worker.
"""


class Channel:
    """Sends and receives frames.

    Args:
        end: The judge's end of a pair of sockets.
        largest: Largest number of bytes of array elements in a received frame.
        watch: Called while waiting; raises `LostError` if the worker exceeds a limit.
    """

    def __init__(self, end: socket.socket, largest: int, watch: Callable[[], None]) -> None:
        self._end = end
        self._largest = largest
        self._watch = watch
        self._next_look = time.monotonic()
        end.setblocking(False)

    def send(self, frame: Frame, budget: Budget) -> None:
        """Send a frame.

        Raises:
            LostError: The worker has ended, does not read, or exceeds a limit.
        """
        for piece in frame.pieces():
            view = memoryview(piece)
            while view:
                self._wait(budget, writing=True)
                try:
                    view = view[self._end.send(view) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise LostError("WorkerDied", "the worker ended") from None

    def receive(self, budget: Budget) -> Frame:
        """Receive a frame.

        Raises:
            LostError: The worker has ended, does not answer in time, or exceeds a limit.
            WireError: The message is not a frame, or too large.
        """
        header_length, cells_length = LENGTHS.unpack(self._read(LENGTHS.size, budget))
        if header_length > LONGEST_HEADER or cells_length > self._largest:
            raise WireError(
                f"a message of {header_length} + {cells_length} bytes, expected at most "
                f"{LONGEST_HEADER} + {self._largest}"
            )
        header = parse_header(self._read(header_length, budget))
        return Frame(header, self._read(cells_length, budget))

    def pending(self) -> bool:
        """Return whether bytes can be read, or the worker has ended."""
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close this end, so that a worker that waits for requests ends."""
        self._end.close()

    def _read(self, length: int, budget: Budget) -> memoryview:
        # Memory that is never written is not allocated, so a wrong length in the header is cheap.
        received = np.empty(length, np.uint8).data
        left = received
        while left:
            self._wait(budget, writing=False)
            try:
                count = self._end.recv_into(left)
            except BlockingIOError:
                continue
            except OSError:
                count = 0
            if not count:
                raise LostError("WorkerDied", "the worker ended")
            left = left[count:]
        return received

    def _wait(self, budget: Budget, writing: bool) -> None:
        """Wait until bytes can be sent or received; check the worker's limits meanwhile."""
        poll = select.poll()
        poll.register(self._end, select.POLLOUT if writing else select.POLLIN)
        while True:
            if time.monotonic() >= self._next_look:
                self._watch()
                budget.check()
                self._next_look = time.monotonic() + GLANCE
            if poll.poll(1000 * GLANCE):
                return
