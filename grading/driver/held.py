"""Inputs that both sides compute from a seed, so that large ones never travel. NumPy only.

Each operand of a workload is a window into a longer row of numbers. Where the window starts is
said only when the operation is asked for: the judge's clock runs by then, and there are too many
starts to have an answer ready for each.
"""

from collections.abc import Sequence

import numpy as np

from grading.protocol.messages import Array

SPARE = 2**16
"""How many numbers a row has beyond an operand's: one of so many starts is drawn."""


class Rows:
    """The rows of numbers in which operands lie, and the weights of the results.

    Args:
        seed: Of all numbers.
        sizes: How many elements each operand has.
        results: How many elements the result has.
        domain: From where the operands' elements are drawn.
    """

    def __init__(
        self, seed: int, sizes: Sequence[int], results: int, domain: Sequence[float]
    ) -> None:
        rng = np.random.default_rng(seed)
        low, high = domain
        self.rows = [rng.uniform(low, high, size + SPARE) for size in sizes]
        self.weights = rng.uniform(-1.0, 1.0, results)

    def operand(self, which: int, start: int, size: int) -> Array:
        """Return the elements of an operand, in the order of memory; nothing is copied."""
        return self.rows[which][start : start + size]

    def digest(self, result: Array) -> float:
        """Return the sum of a result's elements, each times a random weight.

        No product of matrices and no convolution can be summed up like this in fewer steps than
        it takes to compute it.
        """
        return weighed(result, self.weights)


def weighed(array: Array, weights: Array) -> float:
    """Return the sum of an array's elements, each times a weight.

    Not with `np.vdot`, for which BLAS may wake threads that then look for work for a while.
    """
    return float(np.einsum("i,i->", array.reshape(-1), weights))


def arranged(cells: Array, shape: Sequence[int], permuted: bool) -> Array:
    """Return an array of cells in memory: row by row, or with the dimensions reversed."""
    sizes = tuple(int(size) for size in shape)
    array: Array = cells.reshape(sizes[::-1]).T if permuted else cells.reshape(sizes)
    return array
