"""Small submissions in the course's layout: the operators of module 0, with one attack."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

OPERATORS = """
import math

EPS = 1e-6

def id(x): return x
def add(x, y): return x + y
def neg(x): return -x
def lt(x, y): return 1.0 if x < y else 0.0
def eq(x, y): return 1.0 if x == y else 0.0
def max(x, y): return x if x > y else y
def is_close(x, y): return abs(x - y) < 1e-2
def sigmoid(x): return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
def relu(x): return x if x > 0 else 0.0
def log(x): return math.log(x + EPS)
def exp(x): return math.exp(x)
def inv(x): return 1 / x
def log_back(x, d): return d / (x + EPS)
def inv_back(x, d): return -d / (x * x)
def relu_back(x, d): return d if x > 0 else 0.0
def map(fn): return lambda xs: [fn(x) for x in xs]
def zipWith(fn): return lambda xs, ys: [fn(x, y) for x, y in zip(xs, ys)]
def reduce(fn, start):
    def call(xs):
        total = start
        for x in xs:
            total = fn(total, x)
        return total
    return call
def negList(xs): return [-x for x in xs]
def addLists(xs, ys): return [x + y for x, y in zip(xs, ys)]
def sum(xs): return reduce(add, 0.0)(xs)
def prod(xs): return reduce(lambda x, y: x * y, 1.0)(xs)
"""
"""Source of all operators except `mul`."""

MUL = "def mul(x, y): return x * y\n"


def write_tree(
    folder: Path, mul: str = MUL, first: str = "", others: Mapping[str, str] | None = None
) -> Path:
    """Write a submission.

    Args:
        folder: The folder to write to.
        mul: The source of `mul`, which attacks when it is called.
        first: Source that runs when the operators are imported.
        others: Further files, by their paths.
    """
    files = {
        "minitorch/__init__.py": "",
        "minitorch/operators.py": f"{textwrap.dedent(first)}\n{OPERATORS}\n{textwrap.dedent(mul)}",
        **(others or {}),
    }
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), "utf-8")
    return folder
