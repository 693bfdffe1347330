"""The model: the time of a training step on n ranks is that of its computation and an all-reduce.

The computation of a step takes a + b · (examples of the largest part) seconds. The all-reduce of
the gradients takes the time of `mt_nn.distributed.Network`, in a ring or a tree, whichever is
faster; it begins after the backward pass. Gradients are numbers of four bytes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mt_nn.distributed import Network

RANKS = (1, 2, 4, 8, 16, 32, 64)
"""The numbers of ranks in tables and pictures."""

BYTES = 4
"""Bytes of a gradient's number."""

LARGEST = 10**10
"""The largest number of parameters that is considered."""


@dataclass(frozen=True)
class Step:
    """The computation of a training step on one rank.

    Attributes:
        fixed: Seconds that do not depend on the batch, such as those of the optimiser.
        each: Seconds of one example.
        parameters: The number of parameters of the network.
    """

    fixed: float
    each: float
    parameters: int

    @classmethod
    def fitted(cls, seconds: Mapping[int, float], parameters: int) -> "Step":
        """Fit a line to the times of steps by their batch sizes, with equal relative errors.

        A negative fixed time becomes 0.
        """
        batches, times = np.array(list(seconds)), np.array(list(seconds.values()))
        each, fixed = np.polyfit(batches, times, 1, w=1.0 / times)
        if fixed < 0.0:
            fixed, each = (
                0.0,
                float((times * batches / times**2).sum() / (batches**2 / times**2).sum()),
            )
        return cls(float(fixed), float(each), parameters)

    def compute(self, batch: int) -> float:
        """Return the seconds of the computation for a number of examples."""
        return self.fixed + self.each * batch


def all_reduce(network: Network, ranks: int, parameters: float) -> float:
    """Return the seconds of the faster all-reduce of the gradients; 0 for one rank."""
    size = BYTES * parameters
    return min(network.ring_all_reduce(ranks, size), network.tree_all_reduce(ranks, size))


def seconds(step: Step, batch: int, ranks: int, network: Network) -> float:
    """Return the seconds of a step with a global batch; the largest part decides."""
    part = math.ceil(batch / ranks)
    return step.compute(part) + all_reduce(network, ranks, step.parameters)


def speed_up(step: Step, batch: int, ranks: int, network: Network) -> float:
    """Return the quotient of the times of one rank and of n ranks: strong scaling."""
    return step.compute(batch) / seconds(step, batch, ranks, network)


def efficiency(step: Step, part: int, ranks: int, network: Network) -> float:
    """Return the share of n times the speed of one rank that n ranks reach: weak scaling.

    Args:
        step: The step.
        part: The examples of each rank; the global batch grows with the ranks.
        ranks: The number of ranks.
        network: The network.
    """
    return step.compute(part) / seconds(step, part * ranks, ranks, network)


def least_parameters(
    fixed: float, each: float, batch: int, ranks: int, network: Network, gain: float = 2.0
) -> int | None:
    """Return the number of parameters from which n ranks are faster by a factor.

    The network consists of linear layers, whose computation is proportional to its parameters. So
    the bandwidth divides computation and communication by the same number, and only the latency is
    the smaller part, the larger the network is.

    Args:
        fixed: Seconds of a step for each parameter that do not depend on the batch.
        each: Seconds for each parameter and example.
        batch: The global batch.
        ranks: The number of ranks.
        network: The network.
        gain: The factor.

    Returns:
        The number, rounded up to two digits; None if there is none up to `LARGEST`.
    """

    def pays(parameters: float) -> bool:
        step = Step(fixed * parameters, each * parameters, round(parameters))
        return speed_up(step, batch, ranks, network) >= gain

    if not pays(LARGEST):
        return None
    low, high = 1.0, float(LARGEST)
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if pays(middle) else (middle, high)
    unit = int(10 ** max(0, math.floor(math.log10(high)) - 1))
    return math.ceil(high / unit) * unit
