"""All-reduce and its parts as algorithms: what each rank sends to which other one, step by step.

The functions run on ranks of a `Simulator`, and on every object with the methods of `Messages`.
All ranks call the same function, with buffers of the same shape and dtype, and receive the same
bits: each sum is computed on one rank and then copied.
"""

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Buffer: TypeAlias = npt.NDArray[Any]


class Messages(Protocol):
    """A rank that can send messages to others.

    Attributes:
        rank: The number of this rank.
        size: The number of ranks.
    """

    rank: int
    size: int

    def send(self, buffer: Buffer, to: int) -> None:
        """Send a contiguous buffer to a rank."""

    def receive(self, buffer: Buffer, source: int) -> int:
        """Write a message of a rank into a buffer; return the number of elements."""
        ...

    def exchange(self, outgoing: Buffer, to: int, incoming: Buffer, source: int) -> int:
        """Send and receive at the same time."""
        ...


def ring_all_reduce(buffer: Buffer, ranks: Messages) -> None:
    """Replace a contiguous buffer, in place, by its sum over all ranks, in a ring.

    Each rank sends to the next one only. The buffer has as many chunks as there are ranks. In
    n - 1 steps the sums of chunks travel around the ring, and each rank adds its own numbers; then
    each rank has the whole sum of one chunk. In n - 1 further steps the sums travel around the
    ring. Each rank sends 2 (n - 1) / n of its buffer, for any number of ranks.

    Three ranks with the chunks a, b, c; a₀₁ is a₀ + a₁:

        rank 0           rank 1           rank 2
        a₀   b₀   c₀     a₁   b₁   c₁     a₂   b₂   c₂
        sends a₀ →       sends b₁ →       sends c₂ → (to rank 0)
        a₀   b₀   c₀₂    a₀₁  b₁   c₁     a₂   b₁₂  c₂
        sends c₀₂ →      sends a₀₁ →      sends b₁₂ →
        a₀   b    c₀₂    a₀₁  b₁   c      a    b₁₂  c₂      one whole sum on each rank
        sends b →        sends c →        sends a →
        a    b    c₀₂    a₀₁  b    c      a    b₁₂  c
        sends a →        sends b →        sends c →
        a    b    c      a    b    c      a    b    c

    Source: P. Patarasuk, X. Yuan, "Bandwidth optimal all-reduce algorithms for clusters of
    workstations", Journal of Parallel and Distributed Computing 69, 2009.
    """
    rank, size = ranks.rank, ranks.size
    following, preceding = (rank + 1) % size, (rank - 1) % size
    chunks = np.array_split(buffer.reshape(-1), size)
    scratch = np.empty_like(chunks[0])
    for step in range(size - 1):
        own = chunks[(rank - step - 1) % size]
        received = scratch[: own.size]
        ranks.exchange(chunks[(rank - step) % size], following, received, preceding)
        own += received
    for step in range(size - 1):
        whole, place = chunks[(rank + 1 - step) % size], chunks[(rank - step) % size]
        ranks.exchange(whole, following, place, preceding)


def ring_all_gather(buffer: Buffer, ranks: Messages) -> Buffer:
    """Return the buffers of all ranks, of shape (size, *buffer.shape), gathered in a ring.

    Three ranks with the buffers a, b, c:

        rank 0           rank 1           rank 2
        a    ·    ·      ·    b    ·      ·    ·    c
        sends a →        sends b →        sends c → (to rank 0)
        a    ·    c      a    b    ·      ·    b    c
        sends c →        sends a →        sends b →
        a    b    c      a    b    c      a    b    c
    """
    rank, size = ranks.rank, ranks.size
    gathered = np.empty((size, *buffer.shape), buffer.dtype)
    gathered[rank] = buffer
    for step in range(size - 1):
        known, place = (rank - step) % size, (rank - step - 1) % size
        outgoing, incoming = gathered[known : known + 1], gathered[place : place + 1]
        ranks.exchange(outgoing, (rank + 1) % size, incoming, (rank - 1) % size)
    return gathered


def tree_all_reduce(buffer: Buffer, ranks: Messages) -> None:
    """Replace a contiguous buffer, in place, by its sum over all ranks, in a binomial tree.

    The sums go up the tree to rank 0, and the whole sum goes down again. There are fewer steps than
    in a ring, 2 ⌈log₂ n⌉, but each one sends the whole buffer. So a tree is faster for small
    buffers.

    Six ranks; the steps of the way up, with the distance between sender and receiver:

        0    1    2    3    4    5
        0 ←─ 1    2 ←─ 3    4 ←─ 5       distance 1
        0 ←────── 2         4            distance 2
        0 ←──────────────── 4            distance 4: rank 0 has the sum

    `tree_broadcast` has the way down. Source: R. Thakur, R. Rabenseifner, W. Gropp, "Optimization
    of Collective Communication Operations in MPICH", International Journal of High Performance
    Computing Applications 19, 2005.
    """
    received = np.empty_like(buffer)
    for distance in _distances(ranks.size):
        if ranks.rank % (2 * distance) == distance:
            ranks.send(buffer, ranks.rank - distance)
        elif ranks.rank % (2 * distance) == 0 and ranks.rank + distance < ranks.size:
            ranks.receive(received, ranks.rank + distance)
            buffer += received
    tree_broadcast(buffer, ranks)


def tree_broadcast(buffer: Buffer, ranks: Messages, root: int = 0) -> None:
    """Replace a contiguous buffer, in place, by that of the rank `root`, in a binomial tree.

    Six ranks and root 0:

        0 ────────────────→ 4            distance 4
        0 ──────→ 2         4            distance 2
        0 ─→ 1    2 ─→ 3    4 ─→ 5       distance 1

    For another root, all numbers are counted from it.
    """
    place = (ranks.rank - root) % ranks.size
    for distance in reversed(_distances(ranks.size)):
        if place % (2 * distance) == distance:
            ranks.receive(buffer, (ranks.rank - distance) % ranks.size)
        elif place % (2 * distance) == 0 and place + distance < ranks.size:
            ranks.send(buffer, (ranks.rank + distance) % ranks.size)


def _distances(size: int) -> list[int]:
    """Return the powers of two below the number of ranks."""
    return [2**level for level in range((size - 1).bit_length())]
