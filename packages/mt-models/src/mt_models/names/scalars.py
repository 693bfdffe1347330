"""The engine of scalars: a matrix is a list of rows, and a row is a list of `Scalar`."""

import math
from operator import mul

import numpy as np

from mt_autodiff import Context, Scalar, ScalarFunction
from mt_models.names.model import Array
from mt_tensor import operators

Row = list[Scalar]
Rows = list[Row]


class Dot(ScalarFunction):
    r"""Multiply two lists and add the products up: $f(x, w) = \sum_i x_i w_i$.

    With `Mul` and `Add` alone, the model records more than ten times as many Scalars.
    """

    @staticmethod
    def forward(ctx: Context, *both: float) -> float:
        r"""Return $\sum_i x_i w_i$; the arguments are the elements of x and then those of w."""
        ctx.save_for_backward(both)
        half = len(both) // 2
        return float(sum(map(mul, both[:half], both[half:])))

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, ...]:
        """Return $d w_i$ and then $d x_i$."""
        (both,) = ctx.saved_values
        half = len(both) // 2
        return tuple(d_output * other for other in (*both[half:], *both[:half]))


class Ln(ScalarFunction):
    r"""Take the natural logarithm; `Scalar.log` is that of the course, $\log(x + \epsilon)$."""

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        r"""Return $\ln x$."""
        ctx.save_for_backward(x)
        return operators.ln(x)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        r"""Return $\frac{d}{x}$."""
        (x,) = ctx.saved_values
        return float(d_output / x)


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
            factor = (Ln.apply(mean) * -0.5).exp()
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
        logs = [Ln.apply(row[target]) for row, target in zip(probabilities, targets, strict=True)]
        return _sum(logs) * (-1 / len(targets))


def _sum(row: Row) -> Scalar:
    total = row[0]
    for a in row[1:]:
        total = total + a
    return total


def _dot(row: Row, other: Row) -> Scalar:
    return Dot.apply(*row, *other)


def _softmax(row: Row) -> Row:
    largest = max((a.data for a in row), default=math.nan)
    powers = [(a - largest).exp() for a in row]
    total = 1 / _sum(powers)
    return [power * total for power in powers]
