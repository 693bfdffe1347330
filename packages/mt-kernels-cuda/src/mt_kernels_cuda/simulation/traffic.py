"""Counts accesses to global memory, and the different elements among them."""

from dataclasses import dataclass, field

from .memory import Watched
from .observing import Launch, Observer


@dataclass
class Traffic:
    """The accesses of a launch to one array.

    Attributes:
        itemsize: Bytes of an element.
        reads: The number of reads of an element.
        writes: The number of writes.
        cells: The addresses of the elements that were accessed.
    """

    itemsize: int
    reads: int = 0
    writes: int = 0
    cells: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Reads and writes together."""
        return self.reads + self.writes

    @property
    def bytes(self) -> int:
        """Bytes that travel."""
        return self.count * self.itemsize

    @property
    def least(self) -> int:
        """Bytes that would travel if every element did so once."""
        return len(self.cells) * self.itemsize


class TrafficCounter(Observer):
    """Counts accesses to global memory by launch and by array.

    Attributes:
        launches: Each launch, and its traffic by the name of the array.
    """

    def __init__(self) -> None:
        self.launches: list[tuple[Launch, dict[str, Traffic]]] = []

    def on_launch(self, launch: Launch) -> None:
        """Start counting for the next launch."""
        self.launches.append((launch, {}))

    def on_access(self, array: Watched, cell: int, written: float | None) -> None:
        """Count an access."""
        if array.shared:
            return
        _, arrays = self.launches[-1]
        traffic = arrays.setdefault(array.name, Traffic(array.dtype.itemsize))
        traffic.cells.add(cell)
        if written is None:
            traffic.reads += 1
        else:
            traffic.writes += 1
