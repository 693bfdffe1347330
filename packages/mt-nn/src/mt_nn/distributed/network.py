"""A network between ranks, by latency and bandwidth, and the time of collective operations on it.

A message of b bytes takes α + b / β seconds: α is the latency and β the bandwidth (R. W. Hockney,
"The communication challenge for MPP", Parallel Computing 20, 1994). The formulas of the collective
operations count the messages that follow each other (R. Thakur, R. Rabenseifner, W. Gropp,
"Optimization of Collective Communication Operations in MPICH", International Journal of High
Performance Computing Applications 19, 2005). They leave out the additions, which are faster than
the network.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """A network in which each pair of ranks has a link of its own in each direction.

    The default values are assumptions: they are usual for Ethernet with 1 Gbit/s.

    Attributes:
        latency: Seconds of an empty message.
        bandwidth: Bytes per second of a link in one direction.

    Raises:
        ValueError: The latency is negative, or the bandwidth is not positive.
    """

    latency: float = 50e-6
    bandwidth: float = 125e6

    def __post_init__(self) -> None:
        if self.latency < 0 or self.bandwidth <= 0:
            raise ValueError(
                f"Network: a latency of {self.latency} s and a bandwidth of {self.bandwidth} "
                "bytes/s are not possible; the latency is at least 0 and the bandwidth positive"
            )

    def message(self, size: float) -> float:
        """Return the seconds of a message of `size` bytes."""
        return self.latency + size / self.bandwidth

    def ring_all_reduce(self, ranks: int, size: float) -> float:
        """Return the seconds of an all-reduce of `size` bytes in a ring of ranks.

        2 (n - 1) messages of size / n follow each other: half of them reduce, the others gather
        (P. Patarasuk, X. Yuan, "Bandwidth optimal all-reduce algorithms for clusters of
        workstations", Journal of Parallel and Distributed Computing 69, 2009).
        """
        return 2 * (ranks - 1) * self.message(size / ranks)

    def tree_all_reduce(self, ranks: int, size: float) -> float:
        """Return the seconds of an all-reduce of `size` bytes in a binomial tree of ranks.

        2 ⌈log₂ n⌉ messages of the whole size follow each other: up the tree and down again.
        """
        return 2 * levels(ranks) * self.message(size)

    def broadcast(self, ranks: int, size: float) -> float:
        """Return the seconds of a broadcast of `size` bytes down a binomial tree."""
        return levels(ranks) * self.message(size)

    def all_gather(self, ranks: int, size: float) -> float:
        """Return the seconds in which n ranks gather `size` bytes of each: n - 1 messages."""
        return (ranks - 1) * self.message(size)

    def barrier(self, ranks: int) -> float:
        """Return the seconds of a barrier: ⌈log₂ n⌉ empty messages."""
        return levels(ranks) * self.latency


def levels(ranks: int) -> int:
    """Return ⌈log₂ n⌉, the number of levels of a binomial tree of n ranks."""
    return (ranks - 1).bit_length()
