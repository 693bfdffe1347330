"""The sampler: which examples of each batch a rank computes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_nn.distributed.communicator import Communicator


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a batch that one rank computes.

    The parts of all ranks contain each example of the batch once, in order. Their sizes differ by
    at most one. A rank whose part is empty computes the first example with the share 0, so that it
    draws the same random numbers and takes part in the same exchanges as the others.

    Attributes:
        start: The first example of the part.
        count: The number of examples in the part.
        total: The number of examples of the batch.
    """

    start: int
    count: int
    total: int

    @property
    def rows(self) -> slice:
        """The examples of the batch that the rank computes; at least one."""
        return slice(self.start, self.start + self.count) if self.count else slice(0, 1)

    @property
    def share(self) -> float:
        """The weight of the part's mean in the mean of the batch: count / total."""
        return self.count / self.total


def part_of(total: int, rank: int, size: int) -> Part:
    """Return the part of a rank in a batch.

    Args:
        total: The number of examples of the batch, 1 or more.
        rank: The number of the rank.
        size: The number of ranks.

    Raises:
        ValueError: The batch is empty, or there is no such rank.

    >>> [part_of(5, rank, 2).rows for rank in range(2)]
    [slice(0, 3, None), slice(3, 5, None)]
    """
    if total < 1:
        raise ValueError(f"part_of: a batch of {total} examples; it must have at least 1")
    if not 0 <= rank < size:
        raise ValueError(f"part_of: rank {rank} does not exist; ranks are 0 to {size - 1}")
    small, larger = divmod(total, size)
    return Part(rank * small + min(rank, larger), small + (rank < larger), total)


class Sampler:
    """The order of the examples in each epoch, divided into batches and parts of them.

    All ranks draw the same order from the seed and the epoch, so they exchange nothing.

    Attributes:
        examples: The number of examples.
        batch_size: The number of examples in a batch of all ranks together; the last batch of an
            epoch may be smaller.
        communicator: The communicator, which gives rank and size.
        seed: The seed of the orders, equal on all ranks.

    >>> from mt_nn.distributed import SingleProcess
    >>> sampler = Sampler(5, 2, SingleProcess(), seed=1)
    >>> [indices.tolist() for indices, part in sampler.epoch(1)]
    [[1, 4], [0, 3], [2]]
    """

    def __init__(
        self, examples: int, batch_size: int, communicator: Communicator, seed: int = 0
    ) -> None:
        """Make a sampler.

        Raises:
            ValueError: A number is below 1.
        """
        for name, value in (("examples", examples), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"Sampler: {name} is {value}; it must be at least 1")
        self.examples = examples
        self.batch_size = batch_size
        self.communicator = communicator
        self.seed = seed

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return math.ceil(self.examples / self.batch_size)

    def epoch(self, number: int) -> Iterator[tuple[npt.NDArray[np.int64], Part]]:
        """Iterate over the batches of an epoch.

        Args:
            number: The number of the epoch; each has an order of its own.

        Yields:
            The indices of the examples that this rank computes, and its part of the batch.
        """
        order = np.random.default_rng((self.seed, number)).permutation(self.examples)
        for first in range(0, self.examples, self.batch_size):
            batch = order[first : first + self.batch_size]
            part = part_of(len(batch), self.communicator.rank, self.communicator.size)
            yield batch[part.rows], part
