"""Training on several ranks: parts of the data, and gradients averaged over a ring.

A rank is one of several processes that train the same network. A communicator has the attributes
`rank`, the number of this rank, and `size`, the number of ranks. Its methods are
`send(buffer, to)`, which waits until the rank `to` has received the buffer, and
`receive(buffer, source)`, which waits for a message of the rank `source` and writes it into the
buffer. Buffers are contiguous NumPy arrays. `mt_nn.distributed.Simulator` runs such functions.

    from minitorch.distributed import ring_all_reduce
    from mt_nn.distributed import Simulator

    def program(communicator):
        buffer = np.full(5, communicator.rank + 1.0)
        ring_all_reduce(buffer, communicator)
        return buffer

    Simulator(3).run(program)  # Each rank returns 1 + 2 + 3 in each element.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_nn.distributed.collectives import Messages

__all__ = [
    "average_gradients",
    "epoch_order",
    "epoch_part",
    "partition",
    "reassemble",
    "ring_all_reduce",
]

Array = npt.NDArray[Any]


def partition(count: int, rank: int, size: int) -> Sequence[int]:
    """Return the positions, of 0 to count - 1, that belong to a rank.

    Each position belongs to exactly one rank. The numbers of positions of two ranks differ by at
    most one; with fewer positions than ranks, some ranks have none.

    >>> [list(partition(8, rank, 3)) for rank in range(3)]
    [[0, 1, 2], [3, 4, 5], [6, 7]]

    Args:
        count: The number of positions, at least 0.
        rank: The number of the rank, 0 to size - 1.
        size: The number of ranks.
    """
    short, more = divmod(count, size)
    start = rank * short + min(rank, more)
    return range(start, start + short + (rank < more))


def epoch_order(count: int, seed: int, epoch: int) -> Sequence[int]:
    """Return the numbers 0 to count - 1 in the random order of an epoch.

    Ranks call this function in different processes and receive the same order: it depends on the
    arguments only, and not on the state of a generator. Each epoch and each seed has an order of
    its own; all orders are equally likely.

    >>> list(epoch_order(5, seed=1, epoch=0)) == list(epoch_order(5, seed=1, epoch=0))
    True

    Args:
        count: The number of examples, at least 0.
        seed: A number that all ranks share, at least 0.
        epoch: The number of the epoch, from 0.
    """
    return [int(i) for i in np.random.default_rng([seed, epoch]).permutation(count)]


def epoch_part(count: int, rank: int, size: int, seed: int, epoch: int) -> Sequence[int]:
    """Return the numbers of the examples on which a rank trains in an epoch.

    They are those of `epoch_order` at the positions of `partition`. So each example is used by
    exactly one rank in each epoch, and the part of a rank differs from epoch to epoch.

    Args:
        count: The number of examples, at least 0.
        rank: The number of the rank, 0 to size - 1.
        size: The number of ranks.
        seed: A number that all ranks share, at least 0.
        epoch: The number of the epoch, from 0.
    """
    order = epoch_order(count, seed, epoch)
    return [order[position] for position in partition(count, rank, size)]


def reassemble(parts: Sequence[Array], seed: int, epoch: int) -> Array:
    """Return the results of all ranks in the order of the examples.

    Args:
        parts: For each rank an array with one row for each number in `epoch_part`, in its order.
        seed: The seed of `epoch_part`.
        epoch: The epoch of `epoch_part`.

    Shape:
        Rank r: (number of its examples, ...) → (number of all examples, ...): row i belongs to
        example i.
    """
    count = sum(len(values) for values in parts)
    whole = np.zeros((count, *np.shape(parts[0])[1:]))
    for rank, values in enumerate(parts):
        whole[list(epoch_part(count, rank, len(parts), seed, epoch))] = values
    return whole


def ring_all_reduce(buffer: Array, communicator: Messages) -> None:
    """Replace the elements of a buffer, in place, by their sums over all ranks.

    Each rank sends to the next rank only; the next one of the last rank is rank 0. The buffer is
    cut into as many chunks as there are ranks, whose sizes differ by at most one. Each rank sends
    2 (n - 1) chunks: n - 1 to add them up, and n - 1 to spread the sums. All ranks receive the same
    bits. All numbers of ranks and all lengths of buffers are possible, 0 included.

    Args:
        buffer: A contiguous array of one dimension, of the same length on all ranks.
        communicator: The rank, with `send` and `receive`.
    """
    rank, size = communicator.rank, communicator.size
    chunks = np.array_split(buffer, size)
    received = np.empty_like(chunks[0])
    for step in range(size - 1):
        own = chunks[(rank - step - 1) % size]
        _pass_on(chunks[(rank - step) % size], received[: own.size], communicator)
        own += received[: own.size]
    for step in range(size - 1):
        _pass_on(chunks[(rank + 1 - step) % size], chunks[(rank - step) % size], communicator)


def _pass_on(outgoing: Array, incoming: Array, communicator: Messages) -> None:
    """Send to the next rank and receive from the one before.

    `send` waits for the receiver. So ranks with an even number send first, and the others receive
    first. In a ring of any length, at least one rank then receives.
    """
    rank, size = communicator.rank, communicator.size
    if rank % 2 == 0:
        communicator.send(outgoing, (rank + 1) % size)
        communicator.receive(incoming, (rank - 1) % size)
    else:
        communicator.receive(incoming, (rank - 1) % size)
        communicator.send(outgoing, (rank + 1) % size)


def average_gradients(
    gradients: Sequence[Array], count: int, communicator: Messages
) -> list[Array]:
    """Return the gradients of a loss that is the mean over the examples of all ranks.

    The gradients of a rank are those of the mean over its own examples. Ranks may have different
    numbers of examples, so the result is the mean weighted by these numbers. All gradients travel
    in one buffer, whatever their number.

    Args:
        gradients: One array for each parameter, of the same shapes on all ranks. They stay as they
            are.
        count: The number of examples of this rank, at least 0. If it is 0, the gradients are zeros.
            At least one rank has an example.
        communicator: The rank, with `send` and `receive`.

    Returns:
        New arrays of the shapes of `gradients`; all ranks receive the same bits.
    """
    weighted = [np.ravel(gradient) * count for gradient in gradients]
    flat = np.concatenate([*weighted, [float(count)]])
    ring_all_reduce(flat, communicator)
    pieces = np.split(flat[:-1] / flat[-1], np.cumsum([each.size for each in weighted])[:-1])
    return [
        piece.reshape(np.shape(gradient)) for piece, gradient in zip(pieces, gradients, strict=True)
    ]
