"""Mutants: wrong versions of functions, for tests that a learner writes.

A mutant is an expression in which `right` is the submission's own function. Each has an equivalent
mutant: a correct version in the same form. A test that inspects anything but return values fails
on the equivalent, too.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A function with one mistake, which violates one property.

    Attributes:
        function: The name of the function.
        expression: A Python expression for the wrong version.
        equivalent: A Python expression of the same form for a correct version.
        mistake: The mistake, as a clause that follows "although".
    """

    function: str
    expression: str
    equivalent: str
    mistake: str


MUTANTS: dict[str, list[Mutant]] = {
    "0.2": [
        Mutant(
            "sigmoid",
            "lambda x: 2.0 * right(x)",
            "lambda x: 1.0 * right(x)",
            "the sigmoid exceeds 1",
        ),
        Mutant(
            "sigmoid",
            "lambda x: right(x + 1.0)",
            "lambda x: right(x + 0.0)",
            "the sigmoid does not cross 0 at one half",
        ),
        Mutant(
            "sigmoid",
            "lambda x: right(x) if x < 0.0 else right(2.0 * x)",
            "lambda x: right(x) if x < 0.0 else right(1.0 * x)",
            "one minus the sigmoid is not the sigmoid of the negative",
        ),
        Mutant(
            "sigmoid",
            "lambda x: 1.0 - right(x)",
            "lambda x: 0.0 + right(x)",
            "the sigmoid decreases",
        ),
        Mutant(
            "lt",
            "lambda x, y: float(x != y and hash((x, y)) % 3 < (1 if x < y else 2))",
            "lambda x, y: float(x != y and hash((x, y)) % 3 < (3 if x < y else 0))",
            "`lt` is not transitive: it is true of some pairs and not of others, as if by chance",
        ),
        Mutant(
            "mul",
            "lambda x, y: right(x, y) + (1.0 if x > y else 0.0)",
            "lambda x, y: right(x, y) + (0.0 if x > y else 0.0)",
            "the order of factors matters to `mul`",
        ),
        Mutant(
            "mul",
            "lambda x, y: right(x, y) * (1.0 + abs(right(x, y)))",
            "lambda x, y: right(x, y) * (1.0 + min(abs(right(x, y)), 0.0))",
            "`mul` does not distribute over `add`",
        ),
    ],
    "0.3": [
        Mutant(
            "sum",
            "lambda xs: right(xs) + 1.0",
            "lambda xs: right(xs) + 0.0",
            "`sum` starts with 1",
        ),
        Mutant(
            "sum",
            "lambda xs: right([abs(x) for x in xs])",
            "lambda xs: right([+x for x in xs])",
            "`sum` adds absolute values up",
        ),
        Mutant(
            "sum",
            "lambda xs: max([right([x]) for x in xs], default=0.0)",
            "lambda xs: right([right([x]) for x in xs])",
            "`sum` returns the largest element",
        ),
        Mutant(
            "sum",
            "lambda xs: right([x * x for x in xs])",
            "lambda xs: right([x * 1.0 for x in xs])",
            "`sum` adds squares up",
        ),
        Mutant(
            "addLists",
            "lambda xs, ys: right(xs, xs)",
            "lambda xs, ys: right(xs, ys)",
            "`addLists` ignores its second list",
        ),
    ],
    "4.4": [
        Mutant(
            "max",
            "lambda x, dim: -right(-x, dim)",
            "lambda x, dim: -(-right(x, dim))",
            "`max` returns the smallest element",
        ),
        Mutant(
            "max",
            "lambda x, dim: x.sum(dim)",
            "lambda x, dim: right(x, dim) * 1.0",
            "`max` returns the sum",
        ),
        Mutant(
            "max",
            "lambda x, dim: x.mean(dim)",
            "lambda x, dim: right(x * 1.0, dim)",
            "`max` returns the mean",
        ),
        Mutant(
            "max",
            "lambda x, dim: right(x * x, dim)",
            "lambda x, dim: right(x + 0.0, dim)",
            "`max` looks at squares",
        ),
        Mutant(
            "max",
            "lambda x, dim: right(x, dim) * 0.5 + 1.0",
            "lambda x, dim: right(x, dim) * 1.0 + 0.0",
            "`max` returns a number that is none of the elements",
        ),
    ],
}
"""The mutants of each task whose tests the learner writes.

Each mutant of 0.2 violates one property that a stub of the course names, so that the test of that
property fails in every run, whether it compares with `lt` or with Python's own operator.
"""
