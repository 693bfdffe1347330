"""Solutions that the learners of the example course hand in."""

from collections.abc import Mapping
from pathlib import Path

from grading.tests.upstream_trees import Change, write_upstream

OPERATORS = "minitorch/operators.py"

TASKS = ("task0_1", "task0_3")
"""The tasks of the example course."""

SEED = 18
"""The seed of the class."""

RELU: Change = (
    OPERATORS,
    "def relu(x: float) -> float:\n    return x if x > 0 else 0.0\n",
    "def relu(x: float) -> float:\n    return x if x < 0 else 0.0\n",
)
MAP: Change = (
    OPERATORS,
    "    return lambda ls: [fn(x) for x in ls]\n",
    "    return lambda ls: [fn(x) for x in list(ls)[1:]]\n",
)
IS_CLOSE: Change = (
    OPERATORS,
    "    return 1.0 if (x - y < 1e-2) and (y - x < 1e-2) else 0.0\n",
    "    return 1.0 if x - y < 1e-2 else 0.0\n",
)
REDUCE: Change = (
    OPERATORS,
    "            total = fn(x, total)\n",
    "            total = fn(x, start)\n",
)
INV: Change = (
    OPERATORS,
    "def inv(x: float) -> float:\n    return 1.0 / x\n",
    "def inv(x: float) -> float:\n"
    "    raise NotImplementedError('Need to implement for Task 0.1')\n",
)
ZIP_WITH: Change = (
    OPERATORS,
    "    return lambda ls1, ls2: [fn(x, y) for x, y in zip(ls1, ls2, strict=True)]\n",
    "    raise NotImplementedError('Need to implement for Task 0.3')\n",
)

SOLUTIONS: Mapping[str, tuple[Change, ...]] = {
    "right": (),
    "relu": (RELU,),
    "map": (MAP,),
    "is_close": (IS_CLOSE,),
    "reduce": (REDUCE,),
    "unfinished": (INV, ZIP_WITH),
    "early": (RELU, IS_CLOSE, INV, ZIP_WITH, MAP, REDUCE),
}
"""The changes of the right solution, by name. If `map` is wrong, `negList` is excused."""


def write_solution(folder: Path, name: str) -> None:
    """Write a submission in the layout of the course."""
    write_upstream(folder, "2022", 0, SOLUTIONS[name])
