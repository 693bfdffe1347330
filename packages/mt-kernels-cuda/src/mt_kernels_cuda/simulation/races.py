"""Detection of data races between simulated threads.

Two accesses to one element, at least one of them a write, need an order. Within a block, a barrier
(`cuda.syncthreads`) orders them. Accesses of different blocks have no order during a launch.
Accesses without an order are a *data race*: the result may be correct in one run and wrong in the
next.

The detector reports unordered pairs in either sequence of execution. Two writes of the same value
are no race, and neither are two atomic operations. The detector also finds threads of a block that
wait at different barriers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .barriers import check_barriers
from .blocks import SimulatedThread, current
from .memory import Watched
from .observing import Launch, Observer, Point, Site, kernel_frame, short


@dataclass(frozen=True, slots=True)
class Access:
    """One access of a thread to one element of an array.

    Attributes:
        block: The index of the thread's block.
        thread: The index of the thread in its block.
        phase: The number of barriers that the thread has passed before.
        atomic: True if the access is part of an atomic operation.
        written: The value that is written; None for a read.
        file: The source file of the line.
        line: The line of the kernel, or of a device function.
    """

    block: Point
    thread: Point
    phase: int
    atomic: bool
    written: float | None
    file: str
    line: int

    @classmethod
    def of(cls, thread: SimulatedThread, written: float | None) -> "Access":
        """Return an access of the running thread at its current line."""
        frame = kernel_frame()
        location = (frame.f_code.co_filename, frame.f_lineno)
        return cls(thread.block, thread.thread, thread.phase, thread.atomic, written, *location)

    @property
    def write(self) -> bool:
        """True for a write."""
        return self.written is not None


class RaceError(RuntimeError):
    """Two threads access one element, one of them writes, and the accesses have no order.

    Attributes:
        kernel: The name of the kernel.
        element: The expression for the element in the kernel, such as ``tile[2, 3]``.
        first: The access that came first in this run.
        second: The access that came second.
    """

    names_its_threads = True

    def __init__(
        self, message: str, kernel: str, element: str, first: Access, second: Access
    ) -> None:
        super().__init__(message)
        self.kernel = kernel
        self.element = element
        self.first = first
        self.second = second


@dataclass(slots=True)
class _ElementState:
    """The accesses to an element that later accesses are compared with.

    Attributes:
        write: The last write.
        reads: The reads of each block since its last barrier, at most two, by different threads.
    """

    write: Access | None = None
    reads: dict[Point, list[Access]] = field(default_factory=dict)

    def conflicts(self, access: Access) -> Iterator[Access]:
        """Yield the earlier accesses that have no order with `access`."""
        last = self.write
        repeated = last is not None and access.write and _same_value(last, access)
        if last is not None and not repeated and _unordered(last, access):
            yield last
        if access.write:
            for reads in self.reads.values():
                yield from (read for read in reads if _unordered(read, access))

    def is_redundant_read(self, thread: SimulatedThread) -> bool:
        """Return True if a further read needs no record: two threads have read in this phase.

        At least one of these is not the next writer, so that a conflict is found.
        """
        reads = self.reads.get(thread.block, ())
        return self.write is None and len(reads) == 2 and reads[0].phase == thread.phase

    def record(self, access: Access) -> None:
        """Record an access for comparison with later ones."""
        if access.write:
            self.write = access
            return
        reads = self.reads.setdefault(access.block, [])
        if reads and reads[0].phase != access.phase:
            reads.clear()
        if len(reads) < 2 and all(read.thread != access.thread for read in reads):
            reads.append(access)


class RaceDetector(Observer):
    """An observer that raises `RaceError` at the second access, and `BarrierError` at a barrier.

    Args:
        without: A barrier at which threads do not wait, to test that its absence is found.

    Attributes:
        barriers: The line of each barrier that a thread has reached.
    """

    def __init__(self, without: Site | None = None) -> None:
        self.barriers: dict[Site, int] = {}
        self._without = without
        self._launch = Launch("", (0, 0, 0), (0, 0, 0))
        self._global: dict[int, _ElementState] = {}
        self._shared: dict[int, _ElementState] = {}
        self._block: Point | None = None

    def on_launch(self, launch: Launch) -> None:
        """Delete the records of the previous launch, which has ended."""
        self._launch = launch
        self._block = None
        self._global.clear()

    def waits_at(self, site: Site, line: int) -> bool:
        """Record the barrier, and return False if it is to be ignored."""
        self.barriers[site] = line
        return site != self._without

    def on_barrier(self, block: Sequence[SimulatedThread]) -> None:
        """Compare the barriers of the threads of a block.

        Raises:
            BarrierError: Threads wait at different barriers.
        """
        check_barriers(self._launch, block)

    def on_access(self, array: Watched, address: int, written: float | None) -> None:
        """Compare an access with earlier ones to the same element.

        Raises:
            RaceError: An earlier access has no order with this one.
        """
        thread = current()
        if thread.atomic and written is None:
            return  # The write of the same operation is reported next.
        if self._block != thread.block:
            self._block = thread.block
            self._shared.clear()
        known = self._shared if array.shared else self._global
        state = known.get(address)
        if state is None:
            state = known[address] = _ElementState()
        elif written is None and state.is_redundant_read(thread):
            return
        access = Access.of(thread, written)
        for other in state.conflicts(access):
            raise self._race(array.element_name(address), array.shared, other, access)
        state.record(access)

    def _race(self, element: str, shared: bool, first: Access, second: Access) -> RaceError:
        memory = "shared" if shared else "global"
        threads, missing = self._participants(first, second)
        accesses = " and ".join(f"{self._thread(each)} {_action(each)}" for each in (first, second))
        message = (
            f"{self._launch.kernel}: {threads} access {element} in {memory} memory {missing}; "
            f"{accesses}"
        )
        return RaceError(message, self._launch.kernel, element, first, second)

    def _participants(self, first: Access, second: Access) -> tuple[str, str]:
        if first.block == second.block:
            names = sorted((first.thread, second.thread))
            one, other = (short(name, self._launch.threads) for name in names)
            block = short(first.block, self._launch.blocks)
            return f"threads {one} and {other} of block {block}", "with no barrier in between"
        names = sorted((first.block, second.block))
        one, other = (short(name, self._launch.blocks) for name in names)
        return f"blocks {one} and {other}", "and blocks have no order"

    def _thread(self, access: Access) -> str:
        return f"thread {short(access.thread, self._launch.threads)}"


def _unordered(first: Access, second: Access) -> bool:
    """Return True if two accesses have no order."""
    if first.atomic and second.atomic:
        return False
    if first.block != second.block:
        return True
    return first.thread != second.thread and first.phase == second.phase


def _same_value(first: Access, second: Access) -> bool:
    """Return True if two writes store the same value; NaN equals NaN."""
    return first.written == second.written or (
        first.written != first.written and second.written != second.written  # Both are NaN.
    )


def _action(access: Access) -> str:
    verb = "writes" if access.write else "reads"
    return f"{verb} it in line {access.line} of {Path(access.file).name}"
