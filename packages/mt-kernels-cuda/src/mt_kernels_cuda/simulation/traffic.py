"""A counter of accesses to global memory and of the accessed elements."""

from dataclasses import dataclass, field

from .memory import Watched
from .observing import Launch, Observer


@dataclass
class Traffic:
    """The accesses of a launch to one array.

    Attributes:
        itemsize: The bytes of an element.
        reads: The number of reads.
        writes: The number of writes.
        addresses: The addresses of the accessed elements.
    """

    itemsize: int
    reads: int = 0
    writes: int = 0
    addresses: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """The number of reads and writes."""
        return self.reads + self.writes

    @property
    def bytes(self) -> int:
        """The number of bytes read and written."""
        return self.count * self.itemsize

    @property
    def least(self) -> int:
        """The number of bytes if each accessed element were read or written once."""
        return len(self.addresses) * self.itemsize


class TrafficCounter(Observer):
    """An observer that counts accesses to global memory by launch and by array.

    Attributes:
        launches: Each launch with its traffic by name of the array.
    """

    def __init__(self) -> None:
        self.launches: list[tuple[Launch, dict[str, Traffic]]] = []

    def on_launch(self, launch: Launch) -> None:
        """Begin the counts of a launch."""
        self.launches.append((launch, {}))

    def on_access(self, array: Watched, address: int, written: float | None) -> None:
        """Count an access to global memory."""
        if array.shared:
            return
        _, arrays = self.launches[-1]
        traffic = arrays.setdefault(array.name, Traffic(array.dtype.itemsize))
        traffic.addresses.add(address)
        if written is None:
            traffic.reads += 1
        else:
            traffic.writes += 1
