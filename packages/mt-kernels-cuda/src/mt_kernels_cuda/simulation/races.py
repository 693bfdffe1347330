"""Detects races: accesses to one element without an order.

Two accesses to one element, at least one of them a write, need an order. Within a block a barrier,
`cuda.syncthreads`, orders them. Between blocks nothing does before the launch ends. Accesses
without an order are a *race*: the result may be right in one run and wrong in the next.

The detector reports every pair without an order, whichever access came first in this run. Two
writes of the same number are no race, and neither are two atomic operations.

It also finds threads of a block that wait for each other at different barriers.
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
    """One access of a thread to one cell of an array.

    Attributes:
        block: The index of the thread's block.
        thread: The index of the thread in its block.
        phase: The number of barriers that the thread has passed before.
        atomic: True if the access is part of an atomic operation.
        written: The number that it writes; None if it reads.
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
        """Return an access of a thread that runs, at the line where it is."""
        frame = kernel_frame()
        place = (frame.f_code.co_filename, frame.f_lineno)
        return cls(thread.block, thread.thread, thread.phase, thread.atomic, written, *place)

    @property
    def write(self) -> bool:
        """True if it writes."""
        return self.written is not None


class RaceError(RuntimeError):
    """Two threads access one element, one of them writes, and nothing orders the accesses.

    Attributes:
        kernel: The name of the kernel.
        cell: The cell, as the kernel would write it: ``tile[2, 3]``.
        first: The access that came first in this run.
        second: The access that came second.
    """

    names_its_threads = True

    def __init__(self, message: str, kernel: str, cell: str, first: Access, second: Access) -> None:
        super().__init__(message)
        self.kernel = kernel
        self.cell = cell
        self.first = first
        self.second = second


@dataclass(slots=True)
class _Cell:
    """The accesses to an element: its last write, and the reads of each block since its barrier."""

    write: Access | None = None
    reads: dict[Point, list[Access]] = field(default_factory=dict)

    def opponents(self, access: Access) -> Iterator[Access]:
        """Go through earlier accesses that have no order with one."""
        last = self.write
        repeated = last is not None and access.write and _alike(last, access)
        if last is not None and not repeated and _unordered(last, access):
            yield last
        if access.write:
            for reads in self.reads.values():
                yield from (read for read in reads if _unordered(read, access))

    def enough_readers(self, thread: SimulatedThread) -> bool:
        """Return whether another read changes nothing: one of any two is not by the next writer."""
        reads = self.reads.get(thread.block, ())
        return self.write is None and len(reads) == 2 and reads[0].phase == thread.phase

    def note(self, access: Access) -> None:
        """Remember an access."""
        if access.write:
            self.write = access
            return
        reads = self.reads.setdefault(access.block, [])
        if reads and reads[0].phase != access.phase:
            reads.clear()
        if len(reads) < 2 and all(read.thread != access.thread for read in reads):
            reads.append(access)


class RaceDetector(Observer):
    """Raises `RaceError` in the thread that comes second, and `BarrierError` after the last.

    Args:
        without: A barrier that is ignored.

    Attributes:
        barriers: The barriers that threads came to, and the line of each.
    """

    def __init__(self, without: Site | None = None) -> None:
        self.barriers: dict[Site, int] = {}
        self._without = without
        self._launch = Launch("", (0, 0, 0), (0, 0, 0))
        self._global: dict[int, _Cell] = {}
        self._shared: dict[int, _Cell] = {}
        self._block: Point | None = None

    def on_launch(self, launch: Launch) -> None:
        """Forget earlier accesses: one launch ends before the next begins."""
        self._launch = launch
        self._block = None
        self._global.clear()

    def waits_at(self, site: Site, line: int) -> bool:
        """Record the barrier."""
        self.barriers[site] = line
        return site != self._without

    def on_barrier(self, block: Sequence[SimulatedThread]) -> None:
        """Compare the barriers of the threads of a block.

        Raises:
            BarrierError: They wait at different barriers.
        """
        check_barriers(self._launch, block)

    def on_access(self, array: Watched, cell: int, written: float | None) -> None:
        """Compare an access with earlier ones to the same element.

        Raises:
            RaceError: One of them has no order with it.
        """
        thread = current()
        if thread.atomic and written is None:
            return  # The write of the same operation follows.
        if self._block != thread.block:
            self._block = thread.block
            self._shared.clear()
        known = self._shared if array.shared else self._global
        state = known.get(cell)
        if state is None:
            state = known[cell] = _Cell()
        elif written is None and state.enough_readers(thread):
            return
        access = Access.of(thread, written)
        for other in state.opponents(access):
            raise self._race(array.place_of(cell), array.shared, other, access)
        state.note(access)

    def _race(self, cell: str, shared: bool, first: Access, second: Access) -> RaceError:
        memory = "shared" if shared else "global"
        who, missing = self._who(first, second)
        deeds = " and ".join(f"{self._thread(each)} {_deed(each)}" for each in (first, second))
        message = f"{self._launch.kernel}: {who} touch {cell} in {memory} memory {missing}; {deeds}"
        return RaceError(message, self._launch.kernel, cell, first, second)

    def _who(self, first: Access, second: Access) -> tuple[str, str]:
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
    """Return whether nothing orders two accesses."""
    if first.atomic and second.atomic:
        return False
    if first.block != second.block:
        return True
    return first.thread != second.thread and first.phase == second.phase


def _alike(first: Access, second: Access) -> bool:
    """Return whether two writes leave the same number in the element."""
    return first.written == second.written or (
        first.written != first.written and second.written != second.written  # Both are NaN.
    )


def _deed(access: Access) -> str:
    verb = "writes" if access.write else "reads"
    return f"{verb} it in line {access.line} of {Path(access.file).name}"
