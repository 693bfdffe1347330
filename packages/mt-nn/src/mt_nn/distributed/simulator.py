"""A simulator of ranks: all of them in one process, one after the other, with faults on request.

Each rank is a thread, and exactly one thread runs at a time. The simulator changes to another rank
only where a rank waits for others in a call of its communicator, and it chooses the next one in the
order of the ranks. So every run of a function is the same, errors included.

`send` waits until the message is received. MPI may return earlier, but need not; a program that
relies on it has a deadlock, which the simulator finds at once.

The module imports NumPy and its neighbours (with relative imports), so a copy of these files works
under any name.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from .communicator import CommunicationError, Communicator, check_buffer, check_root
from .faults import Deadlock, Dies, Fault, Hangs, RankFailure, SlowLink
from .network import Network

T = TypeVar("T")
Buffer: TypeAlias = npt.NDArray[Any]


@dataclass
class Record:
    """The communication of one rank.

    Attributes:
        calls: Number of calls of the communicator.
        messages: Number of messages sent with `send` and `exchange`.
        sent: Bytes of these messages.
        shared: Bytes of the buffers of collective operations.
        seconds: Simulated time, in seconds: `compute` and communication.
        waiting: The part of it in which the rank waited for others that came later.
    """

    calls: int = 0
    messages: int = 0
    sent: int = 0
    shared: int = 0
    seconds: float = 0.0
    waiting: float = 0.0


class Simulator:
    """Ranks in one process.

    >>> def program(communicator):
    ...     numbers = np.full(3, communicator.rank + 1.0)
    ...     communicator.all_reduce(numbers)
    ...     return numbers
    >>> Simulator(4).run(program)[2]
    array([10., 10., 10.])

    The error of a deadlock lists what each rank waits for:

    >>> Simulator(1).run(lambda communicator: communicator.receive(np.empty(3), 0))
    Traceback (most recent call last):
    mt_nn.distributed.faults.Deadlock: deadlock: rank 0 waits to receive 3 elements from rank 0

    Args:
        size: The number of ranks.
        faults: Faults to inject.
        network: The network that determines simulated times.
        all_reduce: The algorithm of `Rank.all_reduce`, a function of a buffer and a rank, such as
            `ring_all_reduce`; by default the simulator adds the buffers in the order of the ranks.

    Attributes:
        size: The number of ranks.
        records: The communication of each rank in the last run.

    Raises:
        ValueError: The number of ranks is not positive, or a fault names no rank.
    """

    def __init__(
        self,
        size: int,
        faults: Sequence[Fault] = (),
        network: Network | None = None,
        all_reduce: Callable[[Buffer, "Rank"], None] | None = None,
    ) -> None:
        if size < 1:
            raise ValueError(f"Simulator: {size} ranks are too few; give at least 1")
        for fault in faults:
            named = (fault.source, fault.to) if isinstance(fault, SlowLink) else (fault.rank,)
            if not all(0 <= rank < size for rank in named):
                raise ValueError(f"Simulator: {fault} names no rank; ranks are 0 to {size - 1}")
        self.size = size
        self.network = Network() if network is None else network
        self.all_reduce = all_reduce
        self.ends = {f.rank: f for f in faults if isinstance(f, Dies | Hangs)}
        self.slow = {(f.source, f.to): f.factor for f in faults if isinstance(f, SlowLink)}
        self.records: list[Record] = []

    def run(self, function: "Callable[[Rank], T]") -> list[T]:
        """Call a function once for each rank, with its communicator, and return the results.

        Raises:
            RankFailure: A rank raised an exception, which is the cause of the error, died or hung.
            Deadlock: All ranks that have not returned wait for each other.
        """
        return _Run(self, function).play()


class _Stopped(BaseException):
    """Ends the thread of a rank after a failure elsewhere."""


@dataclass
class _Message:
    """A buffer that waits at one end of a link.

    Attributes:
        rank: The rank that waits.
        buffer: The elements to send, or the place for those to receive.
        since: Simulated time at which the rank began to wait.
        words: A clause with the message for which the rank waits.
        received: Number of elements that arrived; None before.
        end: Simulated time at which the message arrived.
    """

    rank: "Rank"
    buffer: Buffer
    since: float
    words: str
    received: int | None = None
    end: float = 0.0


@dataclass
class _Gathering:
    """A collective operation that waits for ranks.

    Attributes:
        name: The name of the operation.
        key: The arguments that have to agree on all ranks.
        buffers: The buffers by rank; the operation is complete with those of all ranks.
    """

    name: str
    key: tuple[Any, ...]
    buffers: dict[int, Buffer]


class Rank(Communicator):
    """One rank of a simulator: its communicator, with messages between two ranks.

    Attributes:
        rank: The number of this rank.
        size: The number of ranks.
        record: The communication until now.
    """

    def __init__(self, run: "_Run[Any]", rank: int, size: int) -> None:
        self.rank = rank
        self.size = size
        self.record = Record()
        self._run = run
        self._turn = threading.Semaphore(0)
        self._waits: str | None = None
        self._ready: Callable[[], bool] = lambda: True

    def send(self, buffer: Buffer, to: int) -> None:
        """Send a buffer to a rank, and wait until it has received it.

        Raises:
            TypeError: The buffer is not an array of numbers.
            ValueError: It is not contiguous, or there is no such rank.
            CommunicationError: The rank receives fewer elements, or of another dtype.
        """
        self._begin("send")
        self._wait_for([self._sending(buffer, to)])

    def receive(self, buffer: Buffer, source: int) -> int:
        """Wait for a message of a rank, and write its elements into a buffer.

        Returns:
            The number of elements, at most the size of the buffer. Further elements of the buffer
            stay as they are.

        Raises:
            TypeError: The buffer is not an array of numbers.
            ValueError: It is not contiguous or read-only, or there is no such rank.
            CommunicationError: The message has more elements, or of another dtype.
        """
        self._begin("receive")
        message = self._receiving(buffer, source)
        self._wait_for([message])
        assert message.received is not None
        return message.received

    def exchange(self, outgoing: Buffer, to: int, incoming: Buffer, source: int) -> int:
        """Send one buffer and receive another at the same time, as `MPI_Sendrecv` does.

        In a ring in which all ranks call it, none waits for another one to begin.

        Returns:
            The number of elements received.

        Raises:
            TypeError: A buffer is not an array of numbers.
            ValueError: A buffer is not contiguous, they overlap, or there is no such rank.
            CommunicationError: Sizes or dtypes of both ends do not fit.
        """
        self._begin("exchange")
        if np.may_share_memory(outgoing, incoming):
            raise ValueError(
                "exchange: the outgoing and the incoming buffer overlap; receive into an array of "
                "its own"
            )
        sent, received = self._sending(outgoing, to), self._receiving(incoming, source)
        self._wait_for([sent, received])
        assert received.received is not None
        return received.received

    def broadcast(self, buffer: Buffer, root: int = 0) -> None:
        """See `Communicator.broadcast`."""
        check_root(root, self.size)
        buffers = self._gather("broadcast", buffer, root)
        if self.rank != root:
            buffer[...] = buffers[root]

    def all_reduce(self, buffer: Buffer) -> None:
        """See `Communicator.all_reduce`."""
        algorithm = self._run.simulator.all_reduce
        if algorithm is not None:
            check_buffer("all_reduce", buffer)
            self._begin("all_reduce")
            algorithm(buffer, self)
            return
        buffers = self._gather("all_reduce", buffer)
        buffer[...] = buffers[0]
        for other in buffers[1:]:
            buffer += other

    def all_gather(self, buffer: Buffer) -> Buffer:
        """See `Communicator.all_gather`."""
        return np.stack(self._gather("all_gather", buffer))

    def barrier(self) -> None:
        """See `Communicator.barrier`."""
        self._gather("barrier", np.zeros(0))

    def compute(self, seconds: float) -> None:
        """Add the time of a computation to the simulated time of this rank."""
        self.record.seconds += seconds

    def _begin(self, operation: str) -> None:
        """Count a call; the rank dies or hangs if the call has a fault."""
        if self._run.stopping:
            raise _Stopped
        self.record.calls += 1
        fault = self._run.simulator.ends.get(self.rank)
        if fault is None or fault.call != self.record.calls:
            return
        where = f"in its call {fault.call} ({operation})"
        if isinstance(fault, Dies):
            # Not raised here, so that no handler of the rank catches it.
            self._run.errors[self.rank] = RankFailure(self.rank, f"rank {self.rank} died {where}")
            raise _Stopped
        self._run.hung[self.rank] = where
        self._wait_until(lambda: False, f"hangs {where}")

    def _sending(self, buffer: Buffer, to: int) -> _Message:
        check_buffer("send", buffer)
        self._check_rank("send", to)
        self.record.messages += 1
        self.record.sent += buffer.nbytes
        words = f"waits to send {buffer.size} elements to rank {to}"
        message = _Message(self, buffer, self.record.seconds, words)
        self._run.deliver((self.rank, to), message, sends=True)
        return message

    def _receiving(self, buffer: Buffer, source: int) -> _Message:
        check_buffer("receive", buffer)
        self._check_rank("receive", source)
        if not buffer.flags.writeable:
            raise ValueError("receive: the buffer is read-only; pass a copy")
        words = f"waits to receive {buffer.size} elements from rank {source}"
        message = _Message(self, buffer, self.record.seconds, words)
        self._run.deliver((source, self.rank), message, sends=False)
        return message

    def _check_rank(self, operation: str, rank: int) -> None:
        if not 0 <= rank < self.size:
            raise ValueError(
                f"{operation}: there is no rank {rank}; ranks are 0 to {self.size - 1}"
            )

    def _wait_for(self, messages: list[_Message]) -> None:
        """Wait until messages are delivered, and move the simulated time."""
        pending = [each for each in messages if each.received is None]
        if pending:
            words = " and ".join(each.words for each in pending)
            self._wait_until(lambda: all(m.received is not None for m in messages), words)
        self.record.seconds = max(each.end for each in messages)

    def _gather(self, name: str, buffer: Buffer, *key: Any) -> list[Buffer]:
        """Wait until all ranks have called an operation, and return copies of their buffers."""
        check_buffer(name, buffer)
        self._begin(name)
        self.record.shared += buffer.nbytes
        buffers = self._run.gather(self, name, buffer, key).buffers
        if len(buffers) < self.size:
            self._wait_until(lambda: len(buffers) == self.size, f"waits for the others in {name}")
        return [buffers[rank] for rank in range(self.size)]

    def _wait_until(self, ready: Callable[[], bool], words: str) -> None:
        """Let other ranks run until a condition is true."""
        self._ready, self._waits = ready, words
        self._run.back.release()
        self._turn.acquire()
        if self._run.stopping:
            raise _Stopped
        self._waits = None


class _Run(Generic[T]):
    """One run of a simulator.

    Attributes:
        stopping: True if the threads have to end.
        back: A semaphore that a rank releases when it waits or ends.
        hung: The call in which a rank hangs, by its number.
        errors: The exception that ended a rank, by its number.
    """

    def __init__(self, simulator: Simulator, function: "Callable[[Rank], T]") -> None:
        self.simulator = simulator
        self.stopping = False
        self.back = threading.Semaphore(0)
        self.hung: dict[int, str] = {}
        self._function = function
        self._ranks = [Rank(self, rank, simulator.size) for rank in range(simulator.size)]
        self._threads: dict[int, threading.Thread] = {}
        self._results: dict[int, T] = {}
        self.errors: dict[int, BaseException] = {}
        self._links: dict[tuple[int, int, bool], _Message] = {}
        self._gathering: _Gathering | None = None

    def play(self) -> list[T]:
        """Let the ranks take turns until all have returned."""
        self.simulator.records = [rank.record for rank in self._ranks]
        try:
            while moving := [each for each in self._ranks if self._can_move(each)]:
                for rank in moving:
                    self._resume(rank)
                    if self.errors:
                        self._raise(*self.errors.popitem())
        finally:
            self._stop()
        waiting = {r.rank: r._waits for r in self._ranks if r._waits is not None}
        for number, where in self.hung.items():
            others = [str(rank) for rank in waiting if rank not in self.hung]
            waits = f"; these ranks wait: {', '.join(others)}" if others else ""
            raise RankFailure(number, f"rank {number} hangs {where}{waits}")
        if waiting:
            returned = dict.fromkeys(self._results, "has returned")
            raise Deadlock({**waiting, **returned})
        return [self._results[rank] for rank in range(self.simulator.size)]

    def _can_move(self, rank: Rank) -> bool:
        return rank.rank not in self._results and rank._ready()

    def _resume(self, rank: Rank) -> None:
        """Let a rank run until it waits or ends."""
        if rank.rank not in self._threads:
            thread = threading.Thread(target=self._body, args=(rank,), daemon=True)
            self._threads[rank.rank] = thread
            thread.start()
        rank._turn.release()
        self.back.acquire()

    def _body(self, rank: Rank) -> None:
        rank._turn.acquire()
        try:
            self._results[rank.rank] = self._function(rank)
        except _Stopped:
            pass
        except BaseException as error:
            self.errors[rank.rank] = error
        finally:
            self.back.release()

    def _raise(self, rank: int, error: BaseException) -> None:
        if isinstance(error, RankFailure) and error.rank == rank:
            raise error
        kind = type(error).__name__
        raise RankFailure(rank, f"rank {rank} raised {kind}: {error}") from error

    def _stop(self) -> None:
        """End all threads that wait."""
        self.stopping = True
        for number, thread in self._threads.items():
            if thread.is_alive():
                self._ranks[number]._turn.release()
                thread.join()

    def deliver(self, link: tuple[int, int], message: _Message, sends: bool) -> None:
        """Deliver a message if its other end waits; otherwise let it wait."""
        other = self._links.pop((*link, not sends), None)
        if other is None:
            self._links[*link, sends] = message
            return
        sent, place = (message, other) if sends else (other, message)
        ends = f"rank {link[0]} sends {{}} to rank {link[1]}, which receives {{}}"
        if sent.buffer.dtype != place.buffer.dtype:
            raise CommunicationError(ends.format(sent.buffer.dtype, place.buffer.dtype))
        if sent.buffer.size > place.buffer.size:
            most = f"at most {place.buffer.size}"
            raise CommunicationError(ends.format(f"{sent.buffer.size} elements", most))
        count = sent.buffer.size
        place.buffer.reshape(-1)[:count] = sent.buffer.reshape(-1)
        start = max(sent.since, place.since)
        factor = self.simulator.slow.get(link, 1.0)
        for end in (sent, place):
            end.end = start + factor * self.simulator.network.message(sent.buffer.nbytes)
            end.rank.record.waiting += start - end.since
            end.received = count

    def gather(self, rank: Rank, name: str, buffer: Buffer, key: tuple[Any, ...]) -> _Gathering:
        """Add a rank to the collective operation that waits, or begin one."""
        key = (*key, buffer.shape, buffer.dtype.str)
        if self._gathering is None:
            self._gathering = _Gathering(name, key, {})
        operation = self._gathering
        if (operation.name, operation.key) != (name, key):
            first = min(operation.buffers)
            raise CommunicationError(
                f"rank {rank.rank} calls {_call(name, key)}, but rank {first} calls "
                f"{_call(operation.name, operation.key)}; all ranks have to call the same"
            )
        operation.buffers[rank.rank] = buffer.copy()
        if len(operation.buffers) == self.simulator.size:
            self._gathering = None
            self._take_time(operation, buffer.nbytes)
        return operation

    def _take_time(self, operation: _Gathering, size: int) -> None:
        """Move the simulated time of all ranks to the end of a collective operation."""
        network, count = self.simulator.network, self.simulator.size
        times = {
            "all_reduce": network.ring_all_reduce(count, size),
            "broadcast": network.broadcast(count, size),
            "all_gather": network.all_gather(count, size),
            "barrier": network.barrier(count),
        }
        start = max(rank.record.seconds for rank in self._ranks)
        for rank in self._ranks:
            rank.record.waiting += start - rank.record.seconds
            rank.record.seconds = start + times[operation.name]


def _call(name: str, key: tuple[Any, ...]) -> str:
    """Return the name of an operation with the arguments that have to agree."""
    *others, shape, dtype = key
    root = "".join(f" of root {root}" for root in others)
    return f"{name}{root} with shape {shape} and dtype {np.dtype(dtype)}"
