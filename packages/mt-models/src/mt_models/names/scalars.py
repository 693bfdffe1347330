"""The engine of scalars: a matrix is a list of rows, and a row is a list of `Scalar`."""

import math

import numpy as np

from mt_autodiff import Scalar
from mt_models.names.model import Array

Row = list[Scalar]
Rows = list[Row]


class Scalars:
    """The functions of `Engine` on lists of `Scalar`."""

    name = "Scalar"

    def leaf(self, numbers: Array) -> Rows:
        """Make one Scalar of every number."""
        return [[Scalar(number) for number in row] for row in numbers.tolist()]

    def numbers(self, x: Rows) -> Array:
        """Collect the numbers of all Scalars."""
        return np.array([[each.data for each in row] for row in x])

    def gradient(self, x: Rows) -> Array:
        """Collect the derivatives; rows that took no part have none."""
        return np.array([[each.derivative or 0.0 for each in row] for row in x])

    def rows(self, table: Rows, at: list[int]) -> Rows:
        """Pick rows: the same Scalars, so that their derivatives add up."""
        return [table[i] for i in at]

    def add(self, x: Rows, y: Rows) -> Rows:
        """Add element by element."""
        return [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(x, y, strict=True)]

    def scale(self, x: Rows, factor: float) -> Rows:
        """Multiply by a number."""
        return [[a * factor for a in row] for row in x]

    def relu(self, x: Rows) -> Rows:
        """Take the positive part."""
        return [[a.relu() for a in row] for row in x]

    def linear(self, x: Rows, weight: Rows) -> Rows:
        """Multiply each row by each row of the weight."""
        return [[_dot(row, other) for other in weight] for row in x]

    def mix(self, weights: Rows, values: Rows) -> Rows:
        """Weight the rows of `values`; a causal row has fewer weights than there are rows."""
        columns = [list(column) for column in zip(*values, strict=True)]
        return [[_dot(row, column[: len(row)]) for column in columns] for row in weights]

    def normalise(self, x: Rows) -> Rows:
        """Divide by the root mean square, with powers as exponentials of logarithms."""
        result = []
        for row in x:
            mean = _dot(row, row) * (1 / len(row)) + 1e-5
            factor = (mean.log() * -0.5).exp()
            result.append([a * factor for a in row])
        return result

    def softmax(self, x: Rows, *, causal: bool = False) -> Rows:
        """Exponentiate and divide by the sum; a causal row i keeps i + 1 elements."""
        return [_softmax(row[: i + 1] if causal else row) for i, row in enumerate(x)]

    def columns(self, x: Rows, start: int, stop: int) -> Rows:
        """Cut each row."""
        return [row[start:stop] for row in x]

    def beside(self, parts: list[Rows]) -> Rows:
        """Join the rows of all parts."""
        return [[a for row in rows for a in row] for rows in zip(*parts, strict=True)]

    def loss(self, probabilities: Rows, targets: list[int]) -> Scalar:
        """Add the logarithms up, and divide by their number."""
        logs = [row[target].log() for row, target in zip(probabilities, targets, strict=True)]
        return _sum(logs) * (-1 / len(targets))


def _sum(row: Row) -> Scalar:
    total = row[0]
    for a in row[1:]:
        total = total + a
    return total


def _dot(row: Row, other: Row) -> Scalar:
    return _sum([a * b for a, b in zip(row, other, strict=True)])


def _softmax(row: Row) -> Row:
    largest = max((a.data for a in row), default=math.nan)
    powers = [(a - largest).exp() for a in row]
    total = 1 / _sum(powers)
    return [power * total for power in powers]
