"""Inputs of timed calls, which judge and worker compute from a seed, so that none is sent.

Each operand of a workload is a window into a longer row of numbers. The request names the start of
the window while the judge's clock runs. There are too many starts to prepare a result for each.
The module needs only NumPy.
"""

from collections.abc import Sequence

import numpy as np

from grading.protocol.messages import Array

SPARE = 2**16
"""Number of elements of a row beyond an operand's size, which is the number of possible starts.

A smaller value lets a submission prepare results before the clock runs.
"""


class Rows:
    """Rows of numbers that contain the operands, and weights for the results.

    Args:
        seed: The seed of all numbers.
        sizes: The number of elements of each operand.
        results: The number of elements of the result.
        domain: The smallest and the largest element of the operands.
    """

    def __init__(
        self, seed: int, sizes: Sequence[int], results: int, domain: Sequence[float]
    ) -> None:
        rng = np.random.default_rng(seed)
        low, high = domain
        self.rows = [rng.uniform(low, high, size + SPARE) for size in sizes]
        self.weights = rng.uniform(-1.0, 1.0, results)

    def operand(self, operand: int, start: int, size: int) -> Array:
        """Return the elements of an operand in memory order, as a view of shape (size,)."""
        return self.rows[operand][start : start + size]

    def digest(self, result: Array) -> float:
        """Return the sum of a result's elements, each times a random weight.

        For a matrix product or a convolution this takes as many steps as computing the result.
        """
        return weighted_sum(result, self.weights)


def weighted_sum(array: Array, weights: Array) -> float:
    """Return the sum of an array's elements, each times a weight.

    It does not use `np.vdot`: BLAS may start threads for it, which then use processor time.
    """
    return float(np.einsum("i,i->", array.reshape(-1), weights))


def arranged(elements: Array, shape: Sequence[int], permuted: bool) -> Array:
    """Return a view of elements with a shape: row-major, or column-major if permuted."""
    sizes = tuple(int(size) for size in shape)
    array: Array = elements.reshape(sizes[::-1]).T if permuted else elements.reshape(sizes)
    return array
