"""Wrong versions of functions, as texts: `right` stands for the submission's own function.

Each has a twin: a right version that is written like the wrong one. Tests that tell a version by
anything but what it returns take the twin for wrong, too.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wrong:
    """A function with a mistake that a property gives away.

    Attributes:
        family: Where the function belongs: "operators" or "nn".
        function: Its name.
        text: An expression that makes the wrong one.
        twin: An expression, as like it as can be, that makes a right one.
        what: The mistake, as a sentence.
    """

    family: str
    function: str
    text: str
    twin: str
    what: str


WRONG: dict[str, list[Wrong]] = {
    "0.2": [
        Wrong(
            "operators",
            "sigmoid",
            "lambda x: 2.0 * right(x)",
            "lambda x: 1.0 * right(x)",
            "the sigmoid exceeds 1",
        ),
        Wrong(
            "operators",
            "sigmoid",
            "lambda x: right(x + 1.0)",
            "lambda x: right(x + 0.0)",
            "the sigmoid does not cross 0 at one half",
        ),
        Wrong(
            "operators",
            "sigmoid",
            "lambda x: right(x) if x < 0.0 else right(2.0 * x)",
            "lambda x: right(x) if x < 0.0 else right(1.0 * x)",
            "one minus the sigmoid is not the sigmoid of the negative",
        ),
        Wrong(
            "operators",
            "sigmoid",
            "lambda x: 1.0 - right(x)",
            "lambda x: 0.0 + right(x)",
            "the sigmoid decreases",
        ),
        Wrong(
            "operators",
            "lt",
            "lambda x, y: float(x != y and hash((x, y)) % 3 < (1 if x < y else 2))",
            "lambda x, y: float(x != y and hash((x, y)) % 3 < (3 if x < y else 0))",
            "`lt` is not transitive: it is true of some pairs and not of others, as if by chance",
        ),
        Wrong(
            "operators",
            "mul",
            "lambda x, y: right(x, y) + (1.0 if x > y else 0.0)",
            "lambda x, y: right(x, y) + (0.0 if x > y else 0.0)",
            "the order of factors matters to `mul`",
        ),
        Wrong(
            "operators",
            "mul",
            "lambda x, y: right(x, y) * (1.0 + abs(right(x, y)))",
            "lambda x, y: right(x, y) * (1.0 + min(abs(right(x, y)), 0.0))",
            "`mul` does not distribute over `add`",
        ),
    ],
    "0.3": [
        Wrong(
            "operators",
            "sum",
            "lambda xs: right(xs) + 1.0",
            "lambda xs: right(xs) + 0.0",
            "`sum` starts with 1",
        ),
        Wrong(
            "operators",
            "sum",
            "lambda xs: right([abs(x) for x in xs])",
            "lambda xs: right([+x for x in xs])",
            "`sum` adds absolute values up",
        ),
        Wrong(
            "operators",
            "sum",
            "lambda xs: max([right([x]) for x in xs], default=0.0)",
            "lambda xs: right([right([x]) for x in xs])",
            "`sum` returns the largest element",
        ),
        Wrong(
            "operators",
            "sum",
            "lambda xs: right([x * x for x in xs])",
            "lambda xs: right([x * 1.0 for x in xs])",
            "`sum` adds squares up",
        ),
        Wrong(
            "operators",
            "addLists",
            "lambda xs, ys: right(xs, xs)",
            "lambda xs, ys: right(xs, ys)",
            "`addLists` ignores its second list",
        ),
    ],
    "4.4": [
        Wrong(
            "nn",
            "max",
            "lambda x, dim: -right(-x, dim)",
            "lambda x, dim: -(-right(x, dim))",
            "`max` returns the smallest element",
        ),
        Wrong(
            "nn",
            "max",
            "lambda x, dim: x.sum(dim)",
            "lambda x, dim: right(x, dim) * 1.0",
            "`max` returns the sum",
        ),
        Wrong(
            "nn",
            "max",
            "lambda x, dim: x.mean(dim)",
            "lambda x, dim: right(x * 1.0, dim)",
            "`max` returns the mean",
        ),
        Wrong(
            "nn",
            "max",
            "lambda x, dim: right(x * x, dim)",
            "lambda x, dim: right(x + 0.0, dim)",
            "`max` looks at squares",
        ),
        Wrong(
            "nn",
            "max",
            "lambda x, dim: right(x, dim) * 0.5 + 1.0",
            "lambda x, dim: right(x, dim) * 1.0 + 0.0",
            "`max` returns a number that is none of the elements",
        ),
    ],
}
"""Wrong versions for each task in which tests are written.

Those of 0.2 lack one property each that a stub of the course asks to test, so that its test fails
in every run, however it is written: whether it compares with `lt` or with Python's own operator.
"""
